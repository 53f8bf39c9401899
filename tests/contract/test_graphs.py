"""Our graphs against files kept here (exactly) and against the graphs that ComfyUI publishes for the same models."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.contract.graph_cases import CASES, GraphCase
from tests.contract.published_templates import PACKAGES, Prompt, Shape, published, tree

GOLDEN = Path(__file__).parent / "golden"
UPDATE = "HAL_UPDATE_GOLDEN"


@pytest.mark.parametrize("name", CASES)
def test_graph_is_the_golden_one(name: str) -> None:
    file = GOLDEN / f"{name}.json"
    text = json.dumps(CASES[name].graph().to_prompt(), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get(UPDATE) == "1":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), f"if this change is meant, write it anew with {UPDATE}=1"


def test_no_golden_file_is_left_over() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == set(CASES)


def shape(nodes: tuple[str, ...], links: tuple[str, ...]) -> Shape:
    return Shape(Counter(nodes), Counter(links))


@dataclass(frozen=True)
class Comparison:
    """The template that a graph of ours answers to, and every difference between the two."""

    template: str
    only_published: Shape = field(default_factory=lambda: shape((), ()))
    only_ours: Shape = field(default_factory=lambda: shape((), ()))


ONE_SAMPLER = shape(
    ("KSampler",),
    (
        "KSampler.model <- CheckpointLoaderSimple[0]",
        "KSampler.positive <- CLIPTextEncode[0]",
        "KSampler.negative <- CLIPTextEncode[0]",
        "KSampler.latent_image <- EmptyLatentImage[0]",
        "VAEDecode.samples <- KSampler[0]",
    ),
)
"""Sampled in one go, with all that belongs to it in one node."""
OURS_FOR_A_PART = (
    ("VAEEncode", "LoadImageMask", "SetLatentNoiseMask", "LoadImageMask", "ImageCompositeMasked"),
    (
        "VAEEncode.pixels <- LoadImage[0]",
        "VAEEncode.vae <- CheckpointLoaderSimple[2]",
        "SetLatentNoiseMask.samples <- VAEEncode[0]",
        "SetLatentNoiseMask.mask <- LoadImageMask[0]",
        "KSampler.latent_image <- SetLatentNoiseMask[0]",
        "ImageCompositeMasked.destination <- LoadImage[0]",
        "ImageCompositeMasked.source <- VAEDecode[0]",
        "ImageCompositeMasked.mask <- LoadImageMask[0]",
        "SaveImage.images <- ImageCompositeMasked[0]",
    ),
)
COMPARISONS = {
    "sd15": Comparison("default"),
    "sd3-one-file": Comparison("sd3.5_simple_example"),
    "flux-schnell-one-file": Comparison("flux_schnell"),
    "flux-dev-one-file": Comparison("flux_dev_checkpoint_example"),
    # Published: text encoders inside the checkpoint. The packages have no template for a checkpoint without them.
    "sd3-parts": Comparison(
        "sd3.5_simple_example",
        only_published=shape(
            (),
            (
                "CLIPTextEncode.clip <- CheckpointLoaderSimple[1]",
                "CLIPTextEncode.clip <- CheckpointLoaderSimple[1]",
            ),
        ),
        only_ours=shape(
            ("TripleCLIPLoader",),
            (
                "CLIPTextEncode.clip <- TripleCLIPLoader[0]",
                "CLIPTextEncode.clip <- TripleCLIPLoader[0]",
            ),
        ),
    ),
    # Published: base and refiner one after the other, each with its own checkpoint, prompts and a KSamplerAdvanced that
    # does its part of the steps; the picture is decoded by the refiner's autoencoder. Ours is the first half alone:
    # one KSampler does all steps, and the base's autoencoder decodes. The refiner is a second 6 GB model, and not in
    # the registry.
    "sdxl": Comparison(
        "sdxl_simple_example",
        only_published=shape(
            (
                "CheckpointLoaderSimple",
                "CLIPTextEncode",
                "CLIPTextEncode",
                "KSamplerAdvanced",
                "KSamplerAdvanced",
            ),
            (
                "CLIPTextEncode.clip <- CheckpointLoaderSimple[1]",
                "CLIPTextEncode.clip <- CheckpointLoaderSimple[1]",
                "KSamplerAdvanced.model <- CheckpointLoaderSimple[0]",
                "KSamplerAdvanced.model <- CheckpointLoaderSimple[0]",
                "KSamplerAdvanced.positive <- CLIPTextEncode[0]",
                "KSamplerAdvanced.positive <- CLIPTextEncode[0]",
                "KSamplerAdvanced.negative <- CLIPTextEncode[0]",
                "KSamplerAdvanced.negative <- CLIPTextEncode[0]",
                "KSamplerAdvanced.latent_image <- EmptyLatentImage[0]",
                "KSamplerAdvanced.latent_image <- KSamplerAdvanced[0]",
                "VAEDecode.samples <- KSamplerAdvanced[0]",
            ),
        ),
        only_ours=ONE_SAMPLER,
    ),
    # Published: sampler and steps as nodes of their own. With one step SDTurboScheduler gives the same noise levels as
    # sgm_uniform, and the picture is the same: tests/engine/test_few_steps.py makes both.
    "sdxl-turbo": Comparison(
        "sdxlturbo_example",
        only_published=shape(
            ("KSamplerSelect", "SDTurboScheduler", "SamplerCustom"),
            (
                "SDTurboScheduler.model <- CheckpointLoaderSimple[0]",
                "SamplerCustom.model <- CheckpointLoaderSimple[0]",
                "SamplerCustom.positive <- CLIPTextEncode[0]",
                "SamplerCustom.negative <- CLIPTextEncode[0]",
                "SamplerCustom.sampler <- KSamplerSelect[0]",
                "SamplerCustom.sigmas <- SDTurboScheduler[0]",
                "SamplerCustom.latent_image <- EmptyLatentImage[0]",
                "VAEDecode.samples <- SamplerCustom[0]",
            ),
        ),
        only_ours=ONE_SAMPLER,
    ),
    "sd15-lora": Comparison("lora"),
    "sd15-loras": Comparison("lora_multiple"),
    # Published: an autoencoder of its own, and the edges are shown.
    "sd15-control": Comparison(
        "controlnet_example",
        only_published=shape(
            ("VAELoader", "PreviewImage"), ("VAEDecode.vae <- VAELoader[0]", "PreviewImage.images <- Canny[0]")
        ),
        only_ours=shape((), ("VAEDecode.vae <- CheckpointLoaderSimple[2]",)),
    ),
    # Published: the picture is scaled in the graph. Ours comes in its size.
    "sd15-init": Comparison(
        "image2image",
        only_published=shape(
            ("ImageScaleToTotalPixels",),
            ("ImageScaleToTotalPixels.image <- LoadImage[0]", "VAEEncode.pixels <- ImageScaleToTotalPixels[0]"),
        ),
        only_ours=shape((), ("VAEEncode.pixels <- LoadImage[0]",)),
    ),
    # Published: the mask is the picture's alpha channel, and VAEEncodeForInpaint greys out what is to change, which
    # only a model can use that was trained for it; what comes out of the autoencoder is the result, so every pixel is
    # another one. Ours works with any model, and puts back what was to stay.
    "sd15-mask": Comparison(
        "inpaint_example",
        only_published=shape(
            ("ImageScaleToTotalPixels", "VAEEncodeForInpaint"),
            (
                "ImageScaleToTotalPixels.image <- LoadImage[0]",
                "VAEEncodeForInpaint.pixels <- ImageScaleToTotalPixels[0]",
                "VAEEncodeForInpaint.vae <- CheckpointLoaderSimple[2]",
                "VAEEncodeForInpaint.mask <- LoadImage[1]",
                "KSampler.latent_image <- VAEEncodeForInpaint[0]",
                "SaveImage.images <- VAEDecode[0]",
            ),
        ),
        only_ours=shape(*OURS_FOR_A_PART),
    ),
    # Likewise. Published: the graph adds the room, and its feather runs into the picture; ours runs out of it.
    "sd15-outpaint": Comparison(
        "inpaint_model_outpainting",
        only_published=shape(
            ("ImageScaleToTotalPixels", "ImagePadForOutpaint", "VAEEncodeForInpaint"),
            (
                "ImageScaleToTotalPixels.image <- LoadImage[0]",
                "ImagePadForOutpaint.image <- ImageScaleToTotalPixels[0]",
                "VAEEncodeForInpaint.pixels <- ImagePadForOutpaint[0]",
                "VAEEncodeForInpaint.vae <- CheckpointLoaderSimple[2]",
                "VAEEncodeForInpaint.mask <- ImagePadForOutpaint[1]",
                "KSampler.latent_image <- VAEEncodeForInpaint[0]",
                "SaveImage.images <- VAEDecode[0]",
            ),
        ),
        only_ours=shape(*OURS_FOR_A_PART),
    ),
    # Published: CLIPTextEncodeFlux takes a text for each of the two encoders, and guidance. With one text for both it
    # does what CLIPTextEncode and FluxGuidance do, which the one-file template uses and so do we: one graph for both.
    # Published: the negative side is the prompt zeroed, a stand-in that is never computed at CFG 1. Ours is the
    # encoded negative prompt, as in the one-file template, so that it counts when CFG is raised.
    "flux-dev-parts": Comparison(
        "flux_dev_full_text_to_image",
        only_published=shape(
            ("CLIPTextEncodeFlux", "ConditioningZeroOut"),
            (
                "CLIPTextEncodeFlux.clip <- DualCLIPLoader[0]",
                "ConditioningZeroOut.conditioning <- CLIPTextEncodeFlux[0]",
                "KSampler.positive <- CLIPTextEncodeFlux[0]",
                "KSampler.negative <- ConditioningZeroOut[0]",
            ),
        ),
        only_ours=shape(
            ("CLIPTextEncode", "CLIPTextEncode", "FluxGuidance"),
            (
                "CLIPTextEncode.clip <- DualCLIPLoader[0]",
                "CLIPTextEncode.clip <- DualCLIPLoader[0]",
                "FluxGuidance.conditioning <- CLIPTextEncode[0]",
                "KSampler.positive <- FluxGuidance[0]",
                "KSampler.negative <- CLIPTextEncode[0]",
            ),
        ),
    ),
}


WITHOUT_TEMPLATE = {
    f"{name}-{how}"
    for name in ("sdxl", "sd3-one-file", "flux-dev-one-file", "flux-dev-parts")
    for how in ("init", "mask", "lora", "control")
} | {"sd15-controls"}
"""Nothing is published for these: what a picture to begin with changes must be what it changes for ``sd15``."""


def test_every_graph_has_its_template() -> None:
    assert set(COMPARISONS) | WITHOUT_TEMPLATE == set(CASES)
    assert {comparison.template for comparison in COMPARISONS.values()} == set(PACKAGES)


@pytest.mark.parametrize("name", COMPARISONS)
def test_nodes_and_links_are_the_published_ones(name: str) -> None:
    comparison = COMPARISONS[name]
    theirs = Shape.of(published(comparison.template))
    ours = Shape.of(CASES[name].graph().to_prompt())
    assert theirs.without(ours) == comparison.only_published
    assert ours.without(theirs) == comparison.only_ours


@pytest.mark.parametrize("name", [name for name, c in COMPARISONS.items() if c == Comparison(c.template)])
def test_asked_for_the_published_picture_the_whole_graph_is_the_published_one(name: str) -> None:
    theirs = published(COMPARISONS[name].template)
    ours = ours_for(theirs, CASES[name])
    assert tree_from_saver(ours) == tree_from_saver(theirs)


@pytest.mark.parametrize("name", COMPARISONS)
def test_asked_for_the_published_picture_each_node_has_the_published_values(name: str) -> None:
    theirs = published(COMPARISONS[name].template)
    own_classes = COMPARISONS[name].only_ours.nodes
    ours = ours_for(theirs, CASES[name])
    compared = [node for node in ours.values() if node["class_type"] not in own_classes]
    assert len(compared) >= 4
    for node in compared:
        candidates = [values(other) for other in theirs.values() if other["class_type"] == node["class_type"]]
        assert any(values(node).items() <= candidate.items() for candidate in candidates), (node, candidates)


@pytest.mark.parametrize("name", sorted(WITHOUT_TEMPLATE - {"sd15-controls"}))
def test_what_is_given_beside_the_prompt_changes_the_same_in_every_family(name: str) -> None:
    plain, _, how = name.rpartition("-")
    assert changed_nodes(plain, name) == changed_nodes("sd15", f"sd15-{how}")


def changed_nodes(before: str, after: str) -> tuple[Counter[str], set[str]]:
    """The nodes that come, and whether others than the empty latent go."""
    old, new = (Shape.of(CASES[name].graph().to_prompt()) for name in (before, after))
    gone = {node.replace("SD3", "") for node in old.without(new).nodes}
    return new.without(old).nodes, gone


def values(node: dict[str, Any]) -> dict[str, Any]:
    """A node's inputs that are not links, without the names under which it saves and loads pictures."""
    plain = {name: value for name, value in node["inputs"].items() if not isinstance(value, list)}
    plain.pop("filename_prefix", None)
    plain.pop("image", None)
    plain.pop("low_threshold", None)  # of Canny: published are 0.35 for one picture, ours are the node's defaults
    return plain


def tree_from_saver(prompt: Prompt) -> dict[str, Any]:
    (saver,) = (node_id for node_id, node in prompt.items() if node["class_type"] == "SaveImage")
    result = tree(prompt, saver)
    del result["inputs"]["filename_prefix"]
    return result


def ours_for(theirs: Prompt, case: GraphCase) -> Prompt:
    """Our graph for the picture that a published graph makes."""
    init = case.request.init
    size: dict[str, Any] = next(
        (node["inputs"] for node in theirs.values() if node["class_type"].startswith("Empty")), {}
    )
    sampler = next(
        sampling(theirs, node)
        for node in theirs.values()
        if node["class_type"] in {"KSampler", "KSamplerAdvanced", "SamplerCustom"}
        and (not size or theirs[node["inputs"]["latent_image"][0]]["inputs"] == size)
    )
    request = case.request._replace(
        prompt=text(theirs, *sampler["positive"]),
        negative_prompt=text(theirs, *sampler["negative"]),
        width=size.get("width", case.request.width),
        height=size.get("height", case.request.height),
        steps=sampler["steps"],
        cfg=sampler["cfg"],
        guidance=next((n["inputs"]["guidance"] for n in theirs.values() if "guidance" in n["inputs"]), None),
        sampler=sampler["sampler_name"],
        scheduler=sampler["scheduler"],
        seed=sampler["seed"] if "seed" in sampler else sampler["noise_seed"],
        init=init and init._replace(strength=sampler["denoise"]),
    )
    return replace(case, request=request).graph().to_prompt()


def sampling(prompt: Prompt, node: dict[str, Any]) -> dict[str, Any]:
    """The inputs of a sampler; those of ``SamplerCustom`` are spread over nodes, and its steps are SDTurbo's one."""
    inputs: dict[str, Any] = node["inputs"]
    if node["class_type"] != "SamplerCustom":
        return inputs
    sampler, sigmas = (prompt[inputs[name][0]] for name in ("sampler", "sigmas"))
    assert (sigmas["class_type"], sigmas["inputs"]["steps"]) == ("SDTurboScheduler", 1)
    return {**inputs, **sampler["inputs"], **sigmas["inputs"], "scheduler": "sgm_uniform"}


def text(prompt: Prompt, node_id: str, slot: int) -> str:
    """The text that a conditioning was made from; none where it is something zeroed."""
    node = prompt[node_id]
    if node["class_type"] == "ConditioningZeroOut":
        return ""
    if node["class_type"] == "FluxGuidance":
        return text(prompt, *node["inputs"]["conditioning"])
    if node["class_type"] == "ControlNetApplyAdvanced":
        return text(prompt, *node["inputs"]["negative" if slot else "positive"])
    found = node["inputs"].get("text", node["inputs"].get("clip_l"))
    assert isinstance(found, str)
    return found
