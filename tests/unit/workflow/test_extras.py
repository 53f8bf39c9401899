from __future__ import annotations

from typing import Any

import pytest

from tests.contract.graph_cases import CASES, DEPTH, LORAS


def nodes(prompt: dict[str, Any], class_type: str) -> list[dict[str, Any]]:
    return [node["inputs"] for node in prompt.values() if node["class_type"] == class_type]


@pytest.mark.parametrize("name", ["sd15", "sdxl", "sd3-parts", "flux-dev-parts", "flux-schnell-one-file"])
def test_all_that_comes_after_uses_the_last_lora(name: str) -> None:
    prompt = CASES[name].graph(loras=LORAS).to_prompt()
    first, last = nodes(prompt, "LoraLoader")
    plain = CASES[name].graph().to_prompt()
    assert (first["model"], first["clip"]) == (nodes(plain, "KSampler")[0]["model"], plain["4"]["inputs"]["clip"])
    assert (last["model"], last["clip"]) == (["101", 0], ["101", 1])
    assert nodes(prompt, "KSampler")[0]["model"] == ["102", 0]
    assert {tuple(node["clip"]) for node in nodes(prompt, "CLIPTextEncode")} == {("102", 1)}


@pytest.mark.parametrize(
    ("name", "latents"), [("sd15", False), ("sdxl", False), ("sd3-parts", True), ("flux-dev-parts", True)]
)
def test_controlnets_are_applied_one_after_the_other(name: str, latents: bool) -> None:
    prompt = CASES[name].graph(controls=(DEPTH, DEPTH._replace(type="canny"))).to_prompt()
    first, last = nodes(prompt, "ControlNetApplyAdvanced")
    plain = nodes(CASES[name].graph().to_prompt(), "KSampler")[0]
    assert (first["positive"], first["negative"]) == (plain["positive"], plain["negative"])
    assert (last["positive"], last["negative"]) == (["204", 0], ["204", 1])
    assert (first["strength"], first["start_percent"], first["end_percent"]) == (0.8, 0.0, 0.6)
    sampler = nodes(prompt, "KSampler")[0]
    assert (sampler["positive"], sampler["negative"]) == (["214", 0], ["214", 1])
    assert ("vae" in first) is latents
    assert first["image"] == ["202", 0]
    assert nodes(prompt, "Canny") == [{"image": ["212", 0], "low_threshold": 0.4, "high_threshold": 0.8}]
    assert len(nodes(prompt, "ControlNetLoader")) == 1, "it is the same one"
