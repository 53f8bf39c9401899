from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from hal_image.errors import EXIT_USAGE, RegistryError, UsageError
from hal_image.models import bundled_models, registry
from hal_image.models.registry import default_registry_path, get_entry, get_model, load_registry
from hal_image.models.types import FOLDERS, Defaults, Source
from hal_image.request import MAX_GUIDANCE
from tests.unit.models.registry_documents import BAD, GOOD, GOOD_EXTRAS, GOOD_SD3, Bad

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, text: str, name: str = "models.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return written(tmp_path, GOOD)


# --- what is read


def test_every_value_arrives(base: Path) -> None:
    loaded = load_registry(base)
    assert (loaded.default, list(loaded.models)) == ("paint", ["paint", "parts"])
    paint = loaded.models["paint"]
    assert (paint.name, paint.description, paint.family, paint.min_vram_gb) == ("paint", "A painter", "sdxl", 7.5)
    assert paint.registry == str(base)
    assert paint.cpu is False
    assert paint.defaults == Defaults(1024, 768, 20, 7.0, None, "euler", "normal")
    (file,) = paint.files
    assert (file.role, file.folder, file.name) == ("checkpoint", "checkpoints", "paint.safetensors")
    assert (file.bytes, file.sha256, file.licence) == (1000, "a" * 64, "MIT")
    assert file.sources == (
        Source("someone/paint-1.0", "files/paint.safetensors", "0123456789", None, gated=False),
        Source(None, None, None, "https://example.org/paint.safetensors?download=true", gated=True),
    )
    assert not file.gated  # the first source is free


def test_parts_keep_their_order_and_may_use_anchors(base: Path) -> None:
    parts = load_registry(base).models["parts"]
    assert [file.role for file in parts.files] == ["diffusion_model", "clip_l", "t5xxl", "vae"]
    assert {file.sha256 for file in parts.files} == {"b" * 64}
    assert parts.total_bytes == 10
    assert parts.defaults.guidance == 3.5


def test_sd3_may_have_its_text_encoders_beside_the_checkpoint(tmp_path: Path) -> None:
    model = load_registry(written(tmp_path, GOOD_SD3)).models["parts"]
    assert model.family == "sd3"
    assert [file.role for file in model.files] == ["checkpoint", "clip_l", "t5xxl", "clip_g"]
    assert model.defaults.guidance is None


def test_sd3_may_be_one_file(tmp_path: Path) -> None:
    assert load_registry(written(tmp_path, GOOD.replace("family: sdxl", "family: sd3"))).models["paint"].family == "sd3"


def test_what_goes_with_models_has_entries_of_its_own(tmp_path: Path) -> None:
    loaded = load_registry(written(tmp_path, GOOD_EXTRAS))
    assert list(loaded.models) == ["paint", "parts"]
    ink, edges, larger = loaded.extras.values()
    assert (ink.kind, ink.family, ink.control, ink.files[0].role) == ("lora", "sdxl", None, "lora")
    assert (edges.kind, edges.family, edges.control, edges.files[0].folder) == (
        "controlnet",
        "sd15",
        "canny",
        "controlnet",
    )
    assert (larger.kind, larger.family, larger.total_bytes) == ("upscaler", None, 7)
    assert get_entry(loaded, "ink") is ink
    with pytest.raises(UsageError) as raised:
        get_entry(loaded, "inc")
    assert raised.value.hint == "did you mean 'ink'? the models are: paint, parts, ink, edges, larger"


def test_a_lora_is_no_model(tmp_path: Path) -> None:
    loaded = load_registry(written(tmp_path, GOOD_EXTRAS))
    with pytest.raises(UsageError) as raised:
        get_model(loaded, "ink")
    assert raised.value.code == "unknown_model"
    assert raised.value.message == "'ink' is a LoRA, which goes with a model and is none"


def test_an_entry_of_ones_own_may_be_another_kind_than_ours(tmp_path: Path) -> None:
    base = written(tmp_path, GOOD_EXTRAS)
    text = GOOD_EXTRAS.replace("default: paint\n", "").replace("ink:\n", "parts:\n", 1)
    own = text[: text.index("  paint:")] + text[text.index("  parts:\n    kind") : text.index("  edges:")]
    own = own.replace("*b", '"' + "c" * 64 + '"').replace("*s", '[{url: "http://x/y"}]').replace("ink.", "new.")
    loaded = load_registry(base, [written(tmp_path, own, "own.yaml")])
    assert list(loaded.models) == ["paint"]
    assert loaded.extras["parts"].kind == "lora"


def test_a_byte_order_mark_is_not_content(tmp_path: Path) -> None:
    assert load_registry(written(tmp_path, "\ufeff" + GOOD)).default == "paint"
    with pytest.raises(RegistryError, match=r"models\.yaml:1:10: default names no model"):
        load_registry(written(tmp_path, "\ufeff" + GOOD.replace("default: paint", "default: other")))


def test_without_libyaml_the_result_is_the_same(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_libyaml = load_registry(base)
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert load_registry(base) == with_libyaml


WITHOUT_GPU = GOOD.replace("default: paint\n", "default: paint\ndefault_without_gpu: parts\n")
BUNDLED = GOOD.replace(
    "- url: https://example.org/paint.safetensors?download=true\n            gated: true", "- bundled: crayon"
)


@pytest.fixture
def crayon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One model comes inside the package: ``crayon``."""
    monkeypatch.setattr(bundled_models, "FOLDER", tmp_path / "bundled")
    weights = bundled_models.weights("crayon")
    weights.parent.mkdir(parents=True)
    weights.touch()


@pytest.mark.usefixtures("crayon")
def test_a_file_may_come_inside_the_package(tmp_path: Path) -> None:
    (file,) = load_registry(written(tmp_path, BUNDLED)).models["paint"].files
    assert file.bundled == "crayon"
    assert file.sources[1] == Source(None, None, None, None, gated=False, bundled="crayon")
    assert file.sources[1].address == "comes with this tool"
    assert not file.gated
    assert load_registry(written(tmp_path, GOOD)).models["paint"].files[0].bundled is None


@pytest.mark.usefixtures("crayon")
def test_a_model_that_does_not_come_with_us_is_refused(tmp_path: Path) -> None:
    own = written(tmp_path, BUNDLED.replace("bundled: crayon", "bundled: crayn"), "own.yaml")
    with pytest.raises(RegistryError) as raised:
        load_registry(own)
    assert raised.value.message.startswith(f"{own}:18:22: models.paint.files[0].sources[1].bundled cannot be 'crayn'")
    assert raised.value.hint == "did you mean 'crayon'? one of: crayon"


def test_the_default_without_a_gpu_is_optional_and_replaced_like_the_default(base: Path, tmp_path: Path) -> None:
    assert load_registry(base).default_without_gpu is None
    ours = written(tmp_path, WITHOUT_GPU, "ours.yaml")
    assert load_registry(ours).default_without_gpu == "parts"
    own = written(tmp_path, "default: parts\n", "own.yaml")
    assert (load_registry(ours, [own]).default, load_registry(ours, [own]).default_without_gpu) == ("parts", "parts")
    own = written(tmp_path, "default_without_gpu: mine\n" + own_model("mine"), "own.yaml")
    assert (load_registry(ours, [own]).default, load_registry(ours, [own]).default_without_gpu) == ("paint", "mine")


# --- what is refused


@pytest.mark.parametrize("libyaml", [True, False], ids=["libyaml", "pure"])
@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_mistakes_are_refused_where_they_stand(
    bad: Bad, libyaml: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if libyaml:
        assert yaml.__with_libyaml__
    else:
        monkeypatch.delattr(yaml, "CSafeLoader")
    path = written(tmp_path, bad.text)
    with pytest.raises(RegistryError) as raised:
        load_registry(path)
    error = raised.value
    assert error.message.startswith(f"{path}:{bad.place}: ")
    assert bad.message in error.message
    assert bad.hint in error.hint
    assert error.hint
    assert "\n" not in error.message + error.hint
    assert (error.code, error.exit_code) == ("registry_invalid", EXIT_USAGE)
    line, column = map(int, bad.place.split(":"))
    assert error.details == {"file": str(path), "line": line, "column": column}


def test_columns_count_characters_not_bytes(tmp_path: Path) -> None:
    text = GOOD.replace("{width: 1024, height: 1024", "{width: 1024, héîght: 1024")
    with pytest.raises(RegistryError, match=r":36:29: models\.parts\.defaults\.héîght is not a known key"):
        load_registry(written(tmp_path, text))


def test_text_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_bytes(GOOD.replace("A painter", "Ein Mäler").encode("latin-1"))
    with pytest.raises(RegistryError, match=r"models\.yaml:4:1: is not UTF-8"):
        load_registry(path)


def test_a_registry_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"nowhere\.yaml:1:1: cannot be read: No such file") as raised:
        load_registry(tmp_path / "nowhere.yaml")
    assert raised.value.code == "registry_unreadable"


# --- a user's own file


def own_model(name: str, **changes: str) -> str:
    start, end = GOOD.index("  paint:"), GOOD.index("  parts:")
    text = GOOD[start:end].replace("  paint:", f"  {name}:")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return "models:\n" + text


def test_own_names_are_added(base: Path, tmp_path: Path) -> None:
    own = written(tmp_path, own_model("mine", painter="writer"), "own.yaml")
    loaded = load_registry(base, [own])
    assert list(loaded.models) == ["paint", "parts", "mine"]
    assert loaded.default == "paint"
    assert loaded.models["mine"].description == "A writer"
    assert loaded.models["mine"].registry == str(own)


def test_own_entry_replaces_the_whole_model(base: Path, tmp_path: Path) -> None:
    # Same file name, other hash: no conflict, since the entry that had the first hash is gone.
    own = written(tmp_path, own_model("paint", **{"a" * 64: "c" * 64, "A painter": "Another"}), "own.yaml")
    paint = load_registry(base, [own]).models["paint"]
    assert (paint.description, paint.files[0].sha256, paint.registry) == ("Another", "c" * 64, str(own))


def test_own_default_alone_is_enough(base: Path, tmp_path: Path) -> None:
    assert load_registry(base, [written(tmp_path, "default: parts\n", "own.yaml")]).default == "parts"


def test_the_last_own_file_wins(base: Path, tmp_path: Path) -> None:
    first = written(tmp_path, "default: mine\n" + own_model("mine", painter="first"), "1.yaml")
    last = written(tmp_path, "default: parts\n" + own_model("mine", painter="last"), "2.yaml")
    loaded = load_registry(base, [first, last])
    assert (loaded.default, loaded.models["mine"].description) == ("parts", "A last")


def test_own_default_must_name_a_model_of_any_file(base: Path, tmp_path: Path) -> None:
    own = written(tmp_path, "models: {}\ndefault: partz\n", "own.yaml")
    with pytest.raises(RegistryError) as raised:
        load_registry(base, [own])
    assert raised.value.message.startswith(f"{own}:2:10: default names no model: 'partz'")
    assert "did you mean 'parts'?" in raised.value.hint


def test_own_file_is_as_strict(base: Path, tmp_path: Path) -> None:
    own = written(tmp_path, "aliases: {}\n", "own.yaml")
    with pytest.raises(RegistryError) as raised:
        load_registry(base, [own])
    assert raised.value.message.startswith(f"{own}:1:1: aliases is not a known key")


def test_a_clash_is_blamed_on_the_own_file(base: Path, tmp_path: Path) -> None:
    own = written(tmp_path, own_model("mine", **{"a" * 64: "c" * 64}), "own.yaml")
    with pytest.raises(RegistryError) as raised:
        load_registry(base, [own])
    assert raised.value.message.startswith(f"{own}:9:15: models.mine.files[0].name is 'paint.safetensors'")
    assert f"at {base}:10" in raised.value.message


def test_a_clash_is_blamed_on_the_own_file_even_when_it_replaces_a_model(base: Path, tmp_path: Path) -> None:
    # "paint" comes first among the names, so its replacement must not make ours look like the later one.
    own = written(
        tmp_path, own_model("paint", **{"bytes: 1000": "bytes: 5", "paint.safetensors": "x.safetensors"}), "1"
    )
    other = written(tmp_path, own_model("paint", **{"bytes: 1000": "bytes: 6"}) + own_model("mine")[8:], "2")
    with pytest.raises(RegistryError) as raised:
        load_registry(base, [own, other])
    assert raised.value.message.startswith(f"{other}:33:15: models.mine.files[0].name")


def test_files_of_the_same_name_in_different_folders_do_not_clash(base: Path, tmp_path: Path) -> None:
    own = written(tmp_path, own_model("mine", **{"a" * 64: "c" * 64, "name: paint": "name: v"}), "own.yaml")
    assert load_registry(base, [own]).models["mine"].files[0].name == "v.safetensors"


# --- get_model


def test_a_model_by_name(base: Path) -> None:
    assert get_model(load_registry(base), "parts").name == "parts"


def test_an_unknown_name_gets_the_closest_and_all(base: Path) -> None:
    with pytest.raises(UsageError) as raised:
        get_model(load_registry(base), "pait")
    error = raised.value
    assert (error.code, error.exit_code) == ("unknown_model", EXIT_USAGE)
    assert error.message == "there is no model 'pait'"
    assert error.hint == "did you mean 'paint'? the models are: paint, parts"
    assert error.details == {"model": "pait", "models": ["paint", "parts"]}


def test_a_name_like_no_other_gets_no_guess(base: Path) -> None:
    with pytest.raises(UsageError) as raised:
        get_model(load_registry(base), "zzz")
    assert raised.value.hint == "the models are: paint, parts"


# --- our own models.yaml


def test_the_registry_of_the_checkout_is_found() -> None:
    path = default_registry_path()
    assert path.name == "models.yaml"
    assert (path.parent / "hal_image" / "models" / "registry.py").samefile(registry.__file__)


def test_the_registry_of_an_installation_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = tmp_path / "hal_image" / "models" / "registry.py"
    code.parent.mkdir(parents=True)
    inside = written(tmp_path / "hal_image", GOOD)
    monkeypatch.setattr(registry, "__file__", str(code))
    assert default_registry_path() == inside
    beside = written(tmp_path, GOOD)
    assert default_registry_path() == beside


def test_our_models() -> None:
    ours = load_registry(default_registry_path())
    assert (ours.default, ours.default_without_gpu) == ("sdxl", "doodle")
    assert list(ours.models) == [
        "sdxl", "sdxl-lightning", "sdxl-turbo", "sd15", "flux", "flux-schnell", "flux-dev-fp16", "sd35-medium",
        "sd35-large", "doodle",
    ]  # fmt: skip
    for model in ours.models.values():
        # every file can be had without an account, and goes to the folder that we prefer
        assert all(not file.gated and not file.sources[0].gated for file in model.files)
        assert all(file.folder == FOLDERS[file.role][0] for file in model.files)
        if model.name != "doodle":
            assert all(source.address.startswith("https://") for file in model.files for source in file.sources)
        # at cfg 1 only a model with distilled guidance, few steps, or guidance trained into it makes a good picture
        assert (model.defaults.cfg == 1) == (
            model.family == "flux" or model.defaults.steps <= 4 or model.name == "doodle"
        )
    assert ours.models["flux-schnell"].defaults.guidance is None
    assert 0 < (ours.models["flux"].defaults.guidance or 0) < MAX_GUIDANCE
    by_precision = [ours.models[name].min_vram_gb for name in ("sd15", "sdxl", "flux", "flux-dev-fp16")]
    assert by_precision == sorted(by_precision)


def test_our_small_model_needs_neither_a_download_nor_a_gpu() -> None:
    doodle = load_registry(default_registry_path()).models["doodle"]
    assert [source.bundled for file in doodle.files for source in file.sources] == ["doodle"]
    assert doodle.min_vram_gb <= 1
    assert doodle.cpu is True


def test_only_a_model_that_comes_with_us_takes_the_defaults_place() -> None:
    ours = load_registry(default_registry_path())
    coming = {model.name for model in ours.models.values() if any(file.bundled for file in model.files)}
    assert {ours.default_without_gpu} == coming


def test_our_flux_fits_a_24_gb_card_and_the_full_one_does_not() -> None:
    models = load_registry(default_registry_path()).models
    assert models["flux"].total_bytes < 24 * 2**30 < models["flux-dev-fp16"].total_bytes
    assert models["flux"].defaults == models["flux-dev-fp16"].defaults._replace()
