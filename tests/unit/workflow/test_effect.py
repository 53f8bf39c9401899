from __future__ import annotations

import pytest

from hal_image.workflow import ineffective
from tests.contract.graph_cases import CASES


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    ("cfg", "negative_prompt", "sampler", "named"),
    [
        (1.0, "blurry", "euler", True),
        (1.0 + 1e-12, "blurry", "euler", True),  # what ComfyUI, too, takes for 1
        (1.01, "blurry", "euler", False),
        (0.0, "blurry", "euler", False),
        (7.0, "blurry", "euler", False),
        (1.0, "", "euler", False),
        (1.0, "blurry", "euler_cfg_pp", False),
        (1.0, "blurry", "gradient_estimation_cfg_pp", False),
    ],
)
def test_a_negative_prompt_needs_cfg(name: str, cfg: float, negative_prompt: str, sampler: str, named: bool) -> None:
    found = ineffective(
        CASES[name].model, cfg=cfg, negative_prompt=negative_prompt, guidance_given=False, sampler=sampler
    )
    assert [item.parameter for item in found] == (["negative_prompt"] if named else [])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("given", [True, False])
def test_guidance_needs_a_model_that_has_it(name: str, given: bool) -> None:
    found = ineffective(CASES[name].model, cfg=7.0, negative_prompt="", guidance_given=given)
    expected = given and not name.startswith("flux-dev")
    assert [item.parameter for item in found] == (["guidance"] if expected else [])


def test_both_are_named_and_each_reason_is_one_line() -> None:
    model = CASES["flux-schnell-one-file"].model
    found = ineffective(model, cfg=1.0, negative_prompt="blurry", guidance_given=True)
    assert [item.parameter for item in found] == ["negative_prompt", "guidance"]
    assert all(item.reason and "\n" not in item.reason for item in found)
    assert model.name in found[1].reason
