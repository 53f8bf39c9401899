"""A picture to begin with: what the options ask for, checked, and prepared for the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hal_image.errors import UsageError
from hal_image.host import picture_size
from hal_image.host.materials import NOTHING_MORE, Materials
from hal_image.request import ImageRequest, Init
from hal_image.workflow.init_image import AREA, MASK, PICTURE

if TYPE_CHECKING:
    import argparse

    from hal_image.host.picture_size import Margins
    from hal_image.host.render import Output
    from hal_image.models.types import Model

STRENGTH = 0.75
"""What A1111 and most others begin with."""
STRENGTH_OF_A_PART = 1.0
"""With a mask or outpaint: what is there now is not wanted any more, and the rest is kept anyway."""
FEATHER = 8
"""Pixels; one position of the latent."""
NO_MARGINS: Margins = (0, 0, 0, 0)


def gather(options: argparse.Namespace, model: Model, output: Output) -> Materials:
    """Reads and prepares the picture and its mask.

    Args:
        options: as ``--help`` lists them.
        model: decides the size.
        output: where warnings go.

    Raises:
        UsageError: ``init_image_missing``, ``input_unreadable``, ``input_not_a_picture``, ``input_too_large``,
            ``mask_empty``, ``outpaint_invalid``, ``size_invalid``, ``size_twice``.
    """
    if options.init_image is None:
        for option in ("mask", "outpaint", "strength", "feather"):
            if getattr(options, option) is not None:
                raise UsageError(
                    f"--{option} is about a picture to begin with, and there is none",
                    code="init_image_missing",
                    hint="give one: --init-image FILE",
                )
        return NOTHING_MORE
    return _prepared(options, model, output)


def _prepared(options: argparse.Namespace, model: Model, output: Output) -> Materials:
    from hal_image.host import given_picture, init_pixels  # noqa: PLC0415 - Pillow, only where there is a picture

    given = given_picture.read(options.init_image, "--init-image", output)
    margins: Margins = options.outpaint or NO_MARGINS
    size = picture_size.following(options, model, given.image.size, margins)
    if given.image.size != size and not picture_size.is_given(options):
        before = f"{given.image.width}x{given.image.height}"
        output.warn(
            "init_image_scaled",
            f"--init-image: {given.file.path} is {before}, and is used as {size[0]}x{size[1]}",
            {"path": given.file.path, "from": before, "to": f"{size[0]}x{size[1]}"},
        )
    picture = init_pixels.fitted(init_pixels.colours(given.image), size)
    init = Init(
        image=given.file,
        strength=options.strength if options.strength is not None else STRENGTH,
        outpaint=margins,
    )
    inputs = {PICTURE: picture}
    if options.mask is not None or any(margins):
        feather = options.feather if options.feather is not None else FEATHER
        mask = None
        if options.mask is not None:
            given_mask = given_picture.read(options.mask, "--mask", output)
            mask = init_pixels.fitted(init_pixels.stretched(init_pixels.mask(given_mask.image), given.image.size), size)
            init = init._replace(mask=given_mask.file)
        changed = init_pixels.changes(size, mask, margins, feather)
        if mask is not None and (init_pixels.is_black(mask) or init_pixels.is_black(changed)):
            raise UsageError(
                f"--mask: nothing in {given_mask.file.path} says what to change",
                code="mask_empty",
                hint="paint white what is to change, or erase it: what is transparent changes",
            )
        init = init._replace(
            feather=feather, strength=options.strength if options.strength is not None else STRENGTH_OF_A_PART
        )
        inputs = {
            PICTURE: init_pixels.begun(picture, margins),
            MASK: changed,
            AREA: init_pixels.cells(changed),
        }
    elif options.feather is not None:
        output.warn("parameter_without_effect", "feather: there is no mask, and nothing is added")
    width, height = inputs[PICTURE].size
    return Materials(
        fields={"init": init, "width": width, "height": height},
        inputs={name: init_pixels.png(image) for name, image in inputs.items()},
    )


def options_of(request: ImageRequest) -> dict[str, Any]:
    """The option values that ask for the same again, beside the request's width and height."""
    init = request.init
    if init is None:
        return {}
    options: dict[str, Any] = {"init_image": init.image.path, "strength": init.strength}
    if init.mask is not None:
        options["mask"] = init.mask.path
    if any(init.outpaint):
        options["outpaint"] = init.outpaint
    if init.keeps_a_part:
        options["feather"] = init.feather
    return options
