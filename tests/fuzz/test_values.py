"""What is read out of single words: durations, sizes, output templates, and headers of model files."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from hal_image.errors import HalError, ModelError
from hal_image.host.durations import parse_duration, show_duration
from hal_image.host.output import FIELDS, PictureFacts, plan
from hal_image.host.sizes import parse_size
from hal_image.models.safetensors_header import read_header
from tests.fuzz.inputs import texts, times, values

amounts = st.builds(
    "{}{}".format, st.floats() | st.integers() | texts, st.sampled_from(["", "s", "m", "h", "GB", "mb"])
)


@times(1000)
@given(texts | amounts)
@example("9" * 400)
@example("9" * 400 + "h")
@example("infGB")
@example("nanMB")
@example("9" * 400 + "TB")
def test_durations_and_sizes(text: str) -> None:
    with suppress(ValueError):
        seconds = parse_duration(text)
        assert math.isfinite(seconds)
        assert json.loads(json.dumps(seconds)) == seconds
        assert show_duration(seconds)
    with suppress(ValueError):
        assert parse_size(text) >= 0


pieces = st.sampled_from(
    [
        *(f"{{{field}}}" for field in FIELDS),
        "{index:03d}",
        "{seed:x}",
        "{seed!r}",
        "{model.name}",
        "{0}",
        "{",
        "}",
        "/",
        "..",
    ]
)


@times(1000)
@given(st.lists(pieces | texts, max_size=5).map("".join), st.integers(1, 3))
@example("{seed:>99999999999}.png", 1)
@example("{index:099d}.png", 1)
@example("{seed:{model}}", 1)
@example("new\nline.png", 1)
def test_output_templates(template: str, count: int) -> None:
    facts = [PictureFacts(seed, seed, "sd15", "20260102-030405") for seed in range(1, count + 1)]
    try:
        targets = plan(template, facts, no_clobber=True)
    except HalError as error:
        assert error.code in {"output_invalid", "output_exists", "output_unwritable"}
        assert error.hint
        return
    assert len(set(targets)) == count
    assert all(target.is_absolute() for target in targets)
    assert list(Path().iterdir()) == []
    # a field brings no separator along: the folder is the one that was typed
    assert all(len(target.parts) <= len((Path.cwd() / template).parts) + 1 for target in targets)


tensor = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(["F32", "F4", "X", 5, None]),
        "shape": st.lists(st.integers() | values, max_size=3) | values,
        "data_offsets": st.lists(st.integers() | values, max_size=3) | values,
    },
)
headers = st.dictionaries(texts, tensor | values, max_size=4) | values


@times(1500)
@given(headers, st.integers(-8, 2000), st.binary(max_size=20))
@example({"x": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}}, 0, bytes(4))
def test_headers_of_model_files(header: object, lie: int, data: bytes) -> None:
    text = json.dumps(header).encode()
    length = max(0, len(text) + (min(0, lie))) if lie < 1000 else 2**63 + lie
    path = Path("x.safetensors")
    path.write_bytes(length.to_bytes(8, "little") + text + data)
    try:
        read_header(path)
    except ModelError as error:
        assert error.code == "model_corrupt"
        assert error.hint
    finally:
        path.unlink()


@times(500)
@given(st.binary(max_size=60))
def test_files_that_are_no_models(data: bytes) -> None:
    path = Path("x.safetensors")
    path.write_bytes(data)
    try:
        read_header(path)
    except ModelError as error:
        assert error.code == "model_corrupt"
    finally:
        path.unlink()
