from __future__ import annotations

from typing import Any

import pytest

from hal_image.models.types import SIZE_MULTIPLE
from hal_image.request import HIRES_MULTIPLE, Hires, Upscale, from_json
from tests.unit.host.job_examples import REQUEST

UPSCALE = Upscale(2, "model", "x4", "x4.safetensors", "0" * 64, 4)


@pytest.mark.parametrize(
    "changes", [{}, {"hires": Hires(1.5)}, {"upscale": UPSCALE}, {"upscale": Upscale(4, "lanczos")}]
)
def test_a_request_is_read_as_it_was_told(changes: dict[str, Any]) -> None:
    request = REQUEST._replace(**changes)
    assert from_json(request.to_json()) == request
    assert request.to_json().keys() & {"hires", "upscale"} == changes.keys()


@pytest.mark.parametrize(
    ("size", "hires", "upscale", "sampled", "final"),
    [
        ((512, 768), None, None, (512, 768), (512, 768)),
        ((512, 768), None, UPSCALE, (512, 768), (1024, 1536)),
        ((520, 768), Hires(2.0), None, (1040, 1536), (1040, 1536)),
        ((520, 768), Hires(1.5), None, (784, 1152), (784, 1152)),
        ((512, 512), Hires(1.1), Upscale(4, "lanczos"), (560, 560), (2240, 2240)),
        ((16, 16), Hires(1.01), None, (16, 16), (16, 16)),
    ],
)
def test_sizes(size: Any, hires: Any, upscale: Any, sampled: Any, final: Any) -> None:
    request = REQUEST._replace(width=size[0], height=size[1], hires=hires, upscale=upscale)
    assert (request.hires_size, request.final_size) == (sampled, final)


def test_every_family_can_sample_the_larger_size() -> None:
    assert [family for family, multiple in SIZE_MULTIPLE.items() if HIRES_MULTIPLE % multiple] == []
