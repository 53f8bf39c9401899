"""One sample request for every graph that we can build; the golden files, the unit and the engine tests share them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hal_image.models.types import FOLDERS, Defaults, Family, Model, ModelFile, Role, Source
from hal_image.request import Control, ImageRequest, Init, InputPicture, Lora
from hal_image.workflow import Graph, build

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class GraphCase:
    """A model, what its files are called, and a request for it."""

    model: Model
    names: Mapping[Role, str]
    request: ImageRequest

    def graph(self, **changes: object) -> Graph:
        """The graph for the request, with some of its values changed."""
        return build(self.request._replace(**changes), self.model, self.names)  # type: ignore[arg-type]


def _case(name: str, family: Family, names: Mapping[Role, str], defaults: Defaults) -> GraphCase:
    model = Model(
        name=name,
        description="a sample",
        family=family,
        files=tuple(
            ModelFile(
                role=role,
                folder=FOLDERS[role][0],
                name=file_name,
                bytes=1,
                sha256="0" * 64,
                licence="none",
                sources=(Source(repo="owner/name", path=file_name, revision=None, url=None, gated=False),),
            )
            for role, file_name in names.items()
        ),
        defaults=defaults,
        min_vram_gb=4.0,
        registry="samples.yaml",
    )
    request = ImageRequest(
        prompt="a friendly robot assistant, 友好的机器人 🤖",
        negative_prompt="blurry, watermark",
        model=name,
        width=defaults.width,
        height=defaults.height,
        steps=defaults.steps,
        cfg=defaults.cfg,
        guidance=defaults.guidance,
        sampler=defaults.sampler,
        scheduler=defaults.scheduler,
        seed=8000,
    )
    return GraphCase(model, names, request)


CASES: dict[str, GraphCase] = {
    case.model.name: case
    for case in (
        _case(
            "sd15",
            "sd15",
            {"checkpoint": "v1-5-pruned-emaonly-fp16.safetensors"},
            Defaults(512, 768, 20, 7.0, None, "dpmpp_2m", "karras"),
        ),
        _case(
            "sdxl",
            "sdxl",
            {"checkpoint": "sd_xl_base_1.0.safetensors"},
            Defaults(1024, 832, 25, 6.5, None, "dpmpp_2m_sde", "karras"),
        ),
        _case(
            "sdxl-turbo",
            "sdxl",
            {"checkpoint": "sd_xl_turbo_1.0_fp16.safetensors"},
            Defaults(512, 512, 1, 1.0, None, "euler_ancestral", "sgm_uniform"),
        ),
        _case(
            "sd3-one-file",
            "sd3",
            {"checkpoint": "sd3.5_large_fp8_scaled.safetensors"},
            Defaults(1024, 832, 20, 4.5, None, "euler", "sgm_uniform"),
        ),
        _case(
            "sd3-parts",
            "sd3",
            {
                "checkpoint": "sd3.5_large_fp8_scaled.safetensors",
                "clip_l": "clip_l.safetensors",
                "clip_g": "clip_g.safetensors",
                "t5xxl": "t5xxl_fp16.safetensors",
            },
            Defaults(1024, 832, 20, 4.5, None, "euler", "sgm_uniform"),
        ),
        _case(
            "flux-dev-one-file",
            "flux",
            {"checkpoint": "flux1-dev-fp8.safetensors"},
            Defaults(1024, 832, 20, 1.0, 3.5, "euler", "simple"),
        ),
        _case(
            "flux-schnell-one-file",
            "flux",
            {"checkpoint": "flux1-schnell-fp8.safetensors"},
            Defaults(1024, 832, 4, 1.0, None, "euler", "simple"),
        ),
        _case(
            "flux-dev-parts",
            "flux",
            {
                "diffusion_model": "flux1-dev.safetensors",
                "clip_l": "clip_l.safetensors",
                "t5xxl": "t5xxl_fp16.safetensors",
                "vae": "ae.safetensors",
            },
            Defaults(1024, 832, 20, 1.0, 3.5, "euler", "simple"),
        ),
    )
}

GIVEN = InputPicture("/home/you/apple.png", "5e" * 32)
MASK = InputPicture("/home/you/mask.png", "a5" * 32)
INITS = {
    "init": Init(GIVEN, 0.75),
    "mask": Init(GIVEN, 1.0, mask=MASK, feather=8),
    "outpaint": Init(GIVEN, 1.0, feather=8, outpaint=(64, 0, 128, 0)),
}
"""Of each way to begin with a picture one."""


def _begun(name: str, how: str, names: Mapping[Role, str] | None = None) -> GraphCase:
    case = CASES[name]
    return replace(case, names=names or case.names, request=case.request._replace(init=INITS[how]))


LORAS = (
    Lora("blindbox", "blindbox_v1_mix.safetensors", "b1" * 32, 0.9, 1.0),
    Lora("moxin", "MoXinV1.safetensors", "30" * 32, 0.9, 1.0),
)
"""Those of ComfyUI's templates, with the weights that they have together."""
ONE_LORA = (LORAS[0]._replace(weight=0.75),)
CONTROL = Control("canny", "scribble", "control_v11p_sd15_scribble_fp16.safetensors", "c0" * 32, GIVEN)
"""That of ComfyUI's template."""
DEPTH = Control("depth", "depth", "control_depth.safetensors", "de" * 32, GIVEN, 0.8, 0.0, 0.6)


def _with(name: str, checkpoint: str | None = None, **changes: object) -> GraphCase:
    case = CASES[name]
    names: Mapping[Role, str] = case.names if checkpoint is None else {"checkpoint": checkpoint}
    return replace(case, names=names, request=case.request._replace(**changes))  # type: ignore[arg-type]


CASES |= {
    "sd15-lora": _with("sd15", "dreamshaper_8.safetensors", loras=ONE_LORA),
    "sd15-loras": _with("sd15", "dreamshaper_8.safetensors", loras=LORAS),
    "sd15-control": _with("sd15", "DreamShaper_8_pruned.safetensors", controls=(CONTROL,)),
    "sd15-controls": _with("sd15", loras=LORAS, controls=(CONTROL, DEPTH, CONTROL)),
    **{
        f"{name}-{how}": _with(name, **changes)
        for name in ("sdxl", "sd3-one-file", "flux-dev-one-file", "flux-dev-parts")
        for how, changes in (("lora", {"loras": ONE_LORA}), ("control", {"controls": (CONTROL,)}))
    },
}
CASES |= {
    # The file that ComfyUI's templates for masks use; with any other it is the same graph.
    **{
        f"sd15-{how}": _begun("sd15", how, {"checkpoint": "512-inpainting-ema.safetensors"})
        for how in ("mask", "outpaint")
    },
    "sd15-init": _begun("sd15", "init"),
    **{
        f"{name}-{how}": _begun(name, how)
        for name in ("sdxl", "sd3-one-file", "flux-dev-one-file", "flux-dev-parts")
        for how in ("init", "mask")
    },
}
