"""Tells what is not as it was when the picture was made that is made again now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hal_image.errors import JsonObject
    from hal_image.host.remake.merge import Remake
    from hal_image.host.render import Output

OF_ENGINE = {"comfyui_version": "ComfyUI", "torch": "torch", "device": "the device"}
"""Facts of an engine on which pixels depend."""


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
        _warn(_model_differences(past.model_facts["files"], model["files"]), output)


def _model_differences(then: list[JsonObject], now: list[JsonObject]) -> list[JsonObject]:
    """Files are told apart by role; a digest that nobody knows is not held against them."""
    found = []
    for file in now:
        before = next((old for old in then if old.get("role") == file["role"]), None)
        if before is None:
            found.append(_entry(file["name"], None, _known(file)))
        elif _differ(before.get("sha256"), file["sha256"]) or _differ(before.get("bytes"), file["bytes"]):
            found.append(_entry(file["name"], _known(before), _known(file)))
    gone = {file["role"] for file in now}
    return found + [_entry(str(old.get("name")), _known(old), None) for old in then if old.get("role") not in gone]


def _differ(then: object, now: object) -> bool:
    return then is not None and now is not None and then != now


def _known(file: JsonObject) -> str:
    return str(file.get("sha256") or f"{file.get('bytes')} bytes")


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
