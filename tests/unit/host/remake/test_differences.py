from __future__ import annotations

import copy
from typing import Any

from hal_image.host.remake.differences import tell_after, tell_before
from hal_image.host.remake.merge import Remake
from hal_image.host.remake.past import Past, WantedModel
from hal_image.host.render import Output
from tests.unit.host.job_examples import FACTS, MODEL, STATUS

DIGESTS = ("a" * 64, "b" * 64)


def model(**file: Any) -> dict[str, Any]:
    changed = copy.deepcopy(MODEL)
    changed["files"][0].update(file)
    return changed


def differences(then: dict[str, Any] | None, now: dict[str, Any], *given: str, **past: Any) -> list[Any]:
    output = Output("generate", quiet=True)
    tell_before(Remake(Past({}, WantedModel(), model_facts=then, **past), frozenset(given)), now, output)
    return [(warning.code, warning.details) for warning in output.warnings]


def differs(*entries: tuple[str, object, object]) -> list[Any]:
    told = [{"what": what, "then": then, "now": now} for what, then, now in entries]
    return [("remake_differs", {"differs": told})]


def test_the_same_model_is_no_news_nor_is_a_digest_that_nobody_knows() -> None:
    assert differences(model(sha256=DIGESTS[0]), model(sha256=DIGESTS[0])) == []
    assert differences(model(sha256=None), model(sha256=DIGESTS[0])) == []
    assert differences(model(), model(verified=True)) == []


def test_a_file_that_has_changed_is_named() -> None:
    assert differences(model(sha256=DIGESTS[0]), model(sha256=DIGESTS[1])) == differs(("a.safetensors", *DIGESTS))
    assert differences(model(), model(bytes=2)) == differs(("a.safetensors", "1 bytes", "2 bytes"))


def test_files_that_came_or_went_are_named() -> None:
    more = model()
    more["files"].append({"role": "lora", "name": "b.safetensors", "bytes": 3, "sha256": DIGESTS[0]})
    assert differences(more, model()) == differs(("b.safetensors", DIGESTS[0], None))
    assert differences(model(), more) == differs(("b.safetensors", None, DIGESTS[0]))


def test_several_files_of_a_role_are_held_against_each_other_in_their_order() -> None:
    two = model()
    for name, digest in zip("bc", DIGESTS, strict=True):
        two["files"].append({"role": "lora", "name": f"{name}.safetensors", "bytes": 3, "sha256": digest})
    assert differences(two, copy.deepcopy(two)) == []
    swapped = copy.deepcopy(two)
    swapped["files"][1:] = reversed(swapped["files"][1:])
    assert differences(two, swapped) == differs(("c.safetensors", *DIGESTS), ("b.safetensors", *DIGESTS[::-1]))
    assert differences(two, swapped, "lora") == [], "they were asked for"


def test_another_model_that_was_asked_for_is_no_news() -> None:
    assert differences(model(), model(bytes=2), "model") == []


def test_another_program_and_what_it_had_besides() -> None:
    told = differences(None, model(), program="v1.6.0", left_out=("Clip skip: 2",))
    assert told == [("remake_left_out", {"left_out": ["Clip skip: 2"]}), *differs(("program", "v1.6.0", None))]


def test_another_engine_is_told_once() -> None:
    output = Output("generate", quiet=True)
    then = {**FACTS, **STATUS}
    tell_after(then, dict(then), output)
    assert output.warnings == []
    now = {**then, "torch": "2.9.1", "device": None, "comfyui_version": "0.4.0"}
    for _ in range(3):
        tell_after(then, now, output)
    assert [(one.code, one.details) for one in output.warnings] == differs(
        ("ComfyUI", "0.3.75", "0.4.0"), ("torch", "2.4.1", "2.9.1")
    )
