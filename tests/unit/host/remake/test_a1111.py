from __future__ import annotations

from typing import Any

import pytest

from hal_image.errors import UsageError
from hal_image.host.metadata import a1111_parameters
from hal_image.host.remake.a1111 import read
from tests.unit.host.job_examples import MODEL, REQUEST

OLD = """\
portrait of a fox, (detailed fur:1.2), <lora:foxes_v2:0.8>
second line of it
Negative prompt: blurry, lowres,
bad anatomy
Steps: 28, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 3871226154, Size: 512x768, Model hash: e9476a1372, \
Model: v1-5-pruned-emaonly-fp16, Denoising strength: 0.45, Clip skip: 2, ENSD: 31337, Hires upscale: 2, \
Hires upscaler: Latent, Lora hashes: "foxes_v2: 1a2b3c4d5e6f", Version: v1.6.0"""
NEW = """\
a lighthouse, night
Steps: 20, Sampler: DPM++ 2M SDE, Schedule type: Automatic, CFG scale: 7, Seed: 1, Size: 1024x1024, \
Model hash: 31e35c80fc, Model: sd_xl_base_1.0, RNG: CPU, Version: v1.10.1"""
FORGE = """\
a cat holding a sign
Steps: 20, Sampler: Euler, Schedule type: Simple, CFG scale: 1, Distilled CFG Scale: 3.5, Seed: 42, Size: 896x1152, \
Model hash: 8e91b68084, Model: flux1-dev-fp8, Module 1: ae, Version: f2.0.1v1.10.1"""


def options(text: str) -> dict[str, Any]:
    return dict(read(text).options)


def test_a_text_of_an_older_version() -> None:
    past = read(OLD)
    assert past.options == {
        "prompt": "portrait of a fox, (detailed fur:1.2), \nsecond line of it",
        "negative_prompt": "blurry, lowres,\nbad anatomy",
        "steps": "28",
        "cfg": "6.5",
        "seed": "3871226154",
        "width": "512",
        "height": "768",
        "sampler": "dpmpp_2m",
        "scheduler": "karras",
    }
    assert (past.model.files, past.model.digests) == (("v1-5-pruned-emaonly-fp16",), ("e9476a1372",))
    assert past.program == "v1.6.0"


def test_what_cannot_be_had_is_named_and_nothing_else() -> None:
    assert read(OLD).left_out == (
        "<lora:foxes_v2:0.8>",
        "Denoising strength: 0.45",
        "Clip skip: 2",
        "ENSD: 31337",
        "Hires upscale: 2",
        "Hires upscaler: Latent",
    )
    assert read(NEW).left_out == ()
    assert read(FORGE).left_out == ("Module 1: ae",)
    assert read(NEW.replace("RNG: CPU", "Clip skip: 1")).left_out == ()


def test_a_text_of_a_newer_version_and_of_forge() -> None:
    new = options(NEW)
    assert (new["sampler"], new["scheduler"], new["negative_prompt"]) == ("dpmpp_2m_sde", "exponential", "")
    forge = options(FORGE)
    assert (forge["sampler"], forge["scheduler"], forge["guidance"], forge["cfg"]) == ("euler", "simple", "3.5", "1")


@pytest.mark.parametrize(
    ("said", "sampler", "scheduler"),
    [
        ("Sampler: Euler a", "euler_ancestral", "normal"),
        ("Sampler: DPM++ 2M", "dpmpp_2m", "normal"),
        ("Sampler: DPM++ 3M SDE Exponential", "dpmpp_3m_sde", "exponential"),
        ("Sampler: DPM++ 2S a Karras", "dpmpp_2s_ancestral", "karras"),
        ("Sampler: DDIM", "ddim", "ddim_uniform"),
        ("Sampler: UniPC", "uni_pc", "normal"),
        ("Sampler: DPM++ SDE, Schedule type: Karras", "dpmpp_sde", "karras"),
        ("Sampler: DPM++ 2M, Schedule type: Automatic", "dpmpp_2m", "karras"),
        ("Sampler: Euler, Schedule type: Automatic", "euler", "normal"),
        ("Sampler: Euler, Schedule type: SGM Uniform", "euler", "sgm_uniform"),
        ("Sampler: LCM, Schedule type: Beta", "lcm", "beta"),
        ("Sampler: res_multistep, Schedule type: kl_optimal", "res_multistep", "kl_optimal"),
    ],
)
def test_samplers_in_its_words(said: str, sampler: str, scheduler: str) -> None:
    past = read(f"x\nSteps: 2, {said}, CFG scale: 7, Seed: 1")
    assert (past.options["sampler"], past.options["scheduler"], past.left_out) == (sampler, scheduler, ())


def test_samplers_that_there_are_not_are_left_to_the_model() -> None:
    past = read("x\nSteps: 2, Sampler: Restart, Schedule type: Polyexponential, CFG scale: 7, Seed: 1")
    assert "sampler" not in past.options
    assert past.left_out == ("Sampler: Restart",)
    past = read("x\nSteps: 2, Sampler: Euler, Schedule type: Align Your Steps, CFG scale: 7, Seed: 1")
    assert (past.options["scheduler"], past.left_out) == ("normal", ("Schedule type: Align Your Steps",))


@pytest.mark.parametrize(
    "prompt", ["a cube,\nred", "", "Steps: are many", "x, y: z", "one\r\ntwo", 'a "quoted", prompt']
)
def test_what_this_tool_writes_is_read_back(prompt: str) -> None:
    request = REQUEST._replace(prompt=prompt, negative_prompt="ugly", guidance=2.5, steps=3)
    past = read(a1111_parameters(request, MODEL))
    assert past.program is None
    expected = {
        **{name: getattr(request, name) for name in ("negative_prompt", "sampler", "scheduler")},
        **{name: str(getattr(request, name)) for name in ("width", "height", "steps", "cfg", "guidance", "seed")},
        "prompt": prompt.replace("\r\n", "\n"),
    }
    assert (past.options, past.left_out) == (expected, ())


def test_values_with_commas_in_them() -> None:
    past = read('x\nSteps: 2, Sampler: Euler, Seed: 1, Extra: "a, b: \\"c\\"", Model: m, Version: v1')
    assert (past.left_out, past.model.files) == (('Extra: a, b: "c"',), ("m",))


@pytest.mark.parametrize("text", ["", "a red cube", "a red cube\nNegative prompt: ugly", "Steps: many, Seed: 1"])
def test_a_text_without_settings_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text)
    assert caught.value.code == "remake_impossible"
