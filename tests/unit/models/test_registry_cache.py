from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hal_image.errors import RegistryError
from hal_image.models import registry, registry_cache, registry_parser
from hal_image.models.registry import default_registry_path, load_registry
from tests.unit.models.registry_documents import GOOD, GOOD_EXTRAS


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "models.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "registry.json"


def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def compose(path: Path, advice: str) -> None:
        raise AssertionError(f"{path} was parsed again ({advice})")

    monkeypatch.setattr(registry_parser, "compose", compose)


@pytest.mark.parametrize("ours", [True, False])
def test_the_second_time_nothing_is_parsed(
    ours: bool, base: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = (default_registry_path(), [base]) if ours else (base, [])
    first = load_registry(*files, cache=cache)
    forbid_reading(monkeypatch)
    assert load_registry(*files, cache=cache) == first == registry_cache.read(cache, [files[0], *files[1]])


def test_every_key_survives(tmp_path: Path, cache: Path) -> None:
    text = GOOD.replace("default: paint\n", "default: paint\ndefault_without_gpu: parts\n")
    text = text.replace(
        "url: https://example.org/paint.safetensors?download=true\n            gated: true", "bundled: doodle"
    )
    base = tmp_path / "models.yaml"
    base.write_text(text, encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text("default: parts\n", encoding="utf-8")
    first = load_registry(base, [own], cache=cache)
    assert (first.default_without_gpu, first.models["paint"].files[0].sources[1].bundled) == ("parts", "doodle")
    assert registry_cache.read(cache, [base, own]) == first


def test_what_goes_with_models_survives(tmp_path: Path, cache: Path) -> None:
    base = tmp_path / "models.yaml"
    base.write_text(GOOD_EXTRAS, encoding="utf-8")
    first = load_registry(base, cache=cache)
    assert list(first.extras) == ["ink", "edges", "larger"]
    assert registry_cache.read(cache, [base]) == first


def test_yaml_is_not_even_imported(base: Path, cache: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from hal_image.models.registry import load_registry;"
        "load_registry(Path(sys.argv[1]), cache=Path(sys.argv[2])); sys.exit('yaml' in sys.modules)"
    )
    root = Path(registry.__file__).parents[2]
    command = [sys.executable, "-c", code, str(base), str(cache)]
    assert [subprocess.run(command, cwd=root, check=False).returncode for _ in range(2)] == [1, 0]


def test_a_changed_file_is_read_even_when_size_and_time_are_the_same(base: Path, cache: Path) -> None:
    load_registry(base, cache=cache)
    before = base.stat()
    base.write_text(GOOD.replace("A painter", "A printer"), encoding="utf-8")
    os.utime(base, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert load_registry(base, cache=cache).models["paint"].description == "A printer"
    assert load_registry(base, cache=cache).models["paint"].description == "A printer"


def test_another_set_of_files_is_another_registry(base: Path, cache: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("default: parts\n", encoding="utf-8")
    assert load_registry(base, cache=cache).default == "paint"
    assert load_registry(base, [own], cache=cache).default == "parts"
    assert load_registry(base, cache=cache).default == "paint"


def test_changed_code_does_not_trust_what_older_code_kept(
    base: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_registry(base, cache=cache)
    assert registry_cache.read(cache, [base]) is not None
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "registry.py").touch()
    monkeypatch.setattr(registry_cache, "__file__", str(tmp_path / "code" / "registry_cache.py"))
    assert registry_cache.read(cache, [base]) is None


def test_a_file_that_became_wrong_is_refused(base: Path, cache: Path) -> None:
    load_registry(base, cache=cache)
    base.write_text(GOOD.replace("family: sdxl", "family: sd4"), encoding="utf-8")
    for _ in range(2):
        with pytest.raises(RegistryError, match="sd4"):
            load_registry(base, cache=cache)


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"key": 1}', "\0" * 100, "cut"])
def test_a_damaged_cache_is_as_good_as_none(damage: str, base: Path, cache: Path) -> None:
    first = load_registry(base, cache=cache)
    whole = cache.read_text(encoding="utf-8")
    cache.write_text(whole[: len(whole) // 2] if damage == "cut" else damage, encoding="utf-8")
    assert load_registry(base, cache=cache) == first
    assert cache.read_text(encoding="utf-8") == whole


def test_a_cache_with_a_field_missing_is_as_good_as_none(base: Path, cache: Path) -> None:
    first = load_registry(base, cache=cache)
    kept = json.loads(cache.read_text(encoding="utf-8"))
    del kept["entries"]["paint"]["files"][0]["sha256"]
    cache.write_text(json.dumps(kept), encoding="utf-8")
    assert load_registry(base, cache=cache) == first


def test_a_place_that_cannot_be_written_is_no_failure_and_leaves_nothing(base: Path, tmp_path: Path) -> None:
    assert load_registry(base, cache=tmp_path / "missing" / "registry.json").default == "paint"
    (tmp_path / "folder.json").mkdir()
    assert load_registry(base, cache=tmp_path / "folder.json").default == "paint"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.json", "models.yaml"]
