"""Tells what is not as it was when the picture was made that is made again now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hal_image.errors import JsonObject
    from hal_image.host.picture import Batch
    from hal_image.host.remake.merge import Remake
    from hal_image.host.remake.past import Past
    from hal_image.host.render import Output
    from hal_image.request import ImageRequest

OF_ENGINE = {"comfyui_version": "ComfyUI", "torch": "torch", "device": "the device"}
"""Facts of an engine on which pixels depend."""
OPTION_OF = {"lora": "lora", "controlnet": "control", "upscale_model": "upscale"}
"""Roles of files that go with a model, and the options that name others."""


def tell_before(remake: Remake, model: JsonObject, output: Output) -> None:
    """Warns of what is known before the picture is made.

    Args:
        remake: what it is to be like.
        model: the ``model`` object of the new picture.
        output: where warnings go.
    """
    past = remake.past
    if past.left_out:
        output.warn(
            "remake_left_out",
            f"the picture was made with more than there are options for, now without: {'; '.join(past.left_out)}",
            {"left_out": list(past.left_out)},
        )
    if past.program is not None:
        _warn([_entry("program", past.program, None)], output)
    if past.model_facts is not None and "model" not in remake.given:
        given = {role for role, option in OPTION_OF.items() if option in remake.given}
        then, now = (
            [file for file in facts["files"] if file.get("role") not in given] for facts in (past.model_facts, model)
        )
        _warn(_model_differences(then, now), output)


def _model_differences(then: list[JsonObject], now: list[JsonObject]) -> list[JsonObject]:
    """Files are told apart by role, and several of a role by their order; a digest that nobody knows is not held
    against them.
    """
    before, after = _by_place(then), _by_place(now)
    found = []
    for place, file in after.items():
        old = before.get(place)
        if old is None:
            found.append(_entry(file["name"], None, _known(file)))
        elif _differ(old.get("sha256"), file["sha256"]) or _differ(old.get("bytes"), file["bytes"]):
            found.append(_entry(file["name"], _known(old), _known(file)))
    gone = [old for place, old in before.items() if place not in after]
    return found + [_entry(str(old.get("name")), _known(old), None) for old in gone]


def _by_place(files: list[JsonObject]) -> dict[tuple[str, int], JsonObject]:
    """Files by their role, and by which one of that role they are."""
    places: dict[tuple[str, int], JsonObject] = {}
    for file in files:
        role = str(file.get("role"))
        places[role, sum(1 for known, _ in places if known == role)] = file
    return places


def _differ(then: object, now: object) -> bool:
    return then is not None and now is not None and then != now


def _known(file: JsonObject) -> str:
    return str(file.get("sha256") or f"{file.get('bytes')} bytes")


def is_the_same(past: Past, request: ImageRequest) -> bool:
    """Whether a request asks for the very picture. What presets said is in it; their names count for nothing, nor does
    where the weights were.
    """
    return _without_names(past.request or {}) == _without_names(request.to_json())


def _without_names(request: JsonObject) -> JsonObject:
    memory = request.get("memory")
    kept = {name: value for name, value in memory.items() if name != "offload"} if isinstance(memory, dict) else {}
    return {**request, "presets": None, "memory": kept if any(kept.values()) else None}


def tell_of_batch(then: Batch, now: Batch | None, output: Output) -> None:
    """Warns of a picture that was sampled with fewer others than the old one, for want of memory."""
    if now != then:
        size = 1 if now is None else len(now.seeds)
        _warn([_entry("the number of pictures sampled at once", len(then.seeds), size)], output)


def tell_after(then: JsonObject, now: JsonObject, output: Output) -> None:
    """Warns of an engine that is another one, which is only known when it has made the picture.

    Args:
        then: the ``engine`` object that the old picture carries.
        now: that of the new one.
        output: where warnings go.
    """
    pairs = [(what, then.get(name), now.get(name)) for name, what in OF_ENGINE.items()]
    _warn([_entry(what, before, after) for what, before, after in pairs if _differ(before, after)], output)


def _entry(what: str, then: Any, now: Any) -> JsonObject:
    return {"what": what, "then": then, "now": now}


def _warn(differences: list[JsonObject], output: Output) -> None:
    if differences:
        told = "; ".join(_told(one) for one in differences)
        message = f"the picture will not be the same: {told}"
        if message not in {known.message for known in output.warnings}:  # once for all pictures of a call
            output.warn("remake_differs", message, {"differs": differences})


def _told(one: JsonObject) -> str:
    if one["what"] == "program":
        return f"it was made by another program ({one['then']}), and will be similar at best"
    return f"{one['what']} was {_short(one['then'])} and is {_short(one['now'])}"


def _short(value: object) -> str:
    text = "not there" if value is None else str(value)
    return text[:10] if len(text) == 64 else text
