from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import platformdirs.macos
import platformdirs.unix
import pytest

from hal_image import paths
from hal_image.errors import EnvironmentError_
from hal_image.install import where

if TYPE_CHECKING:
    from collections.abc import Iterator

XDG = ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*XDG, "HAL_STATE_DIR", "HAL_MODELS_DIR", "HAL_REGISTRY", "HAL_PRESETS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize("xdg", [None, "/elsewhere", "relative", ""])
@pytest.mark.parametrize("home", ["/home/somebody", ""])  # versions of platformdirs differ over a relative one
def test_folders_are_platformdirs(monkeypatch: pytest.MonkeyPatch, platform: str, xdg: str | None, home: str) -> None:
    monkeypatch.setenv("HOME", home)
    for name in XDG if xdg is not None else ():
        monkeypatch.setenv(name, str(xdg))
    kind = platformdirs.macos.MacOS if platform == "darwin" else platformdirs.unix.Unix
    monkeypatch.setattr(sys, "platform", platform)
    expected = kind("hal8000-image-gen")
    assert str(paths.state_dir()) == expected.user_state_dir
    assert where.user_dir("XDG_CACHE_HOME", ".cache", "Library/Caches") == expected.user_cache_dir
    assert where.user_dir("XDG_CONFIG_HOME", ".config", "Library/Application Support") == expected.user_config_dir


def test_state_dir_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HAL_STATE_DIR", "below/here")
    assert paths.state_dir() == tmp_path / "below" / "here"
    monkeypatch.setenv("HAL_STATE_DIR", "~/there")
    assert paths.state_dir() == tmp_path / "home" / "there"
    monkeypatch.setenv("HAL_STATE_DIR", "")
    assert paths.state_dir() == tmp_path / "home" / ".local" / "state" / "hal8000-image-gen"


def test_state_dir_is_for_this_user_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "a" / "state"))
    folder = paths.make_state_dir("logs")
    assert folder == tmp_path / "a" / "state" / "logs"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.parent.stat().st_mode & 0o777 == 0o700


def test_state_dir_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "file" / "state"))
    with pytest.raises(EnvironmentError_) as caught:
        paths.make_state_dir()
    assert caught.value.code == "state_dir_unwritable"
    assert "HAL_STATE_DIR" in caught.value.hint
    assert str(tmp_path / "file" / "state") in caught.value.message


def test_state_dir_without_rights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    monkeypatch.setattr(os, "access", lambda *_: False)  # a mode would not keep root out
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    with pytest.raises(EnvironmentError_) as caught:
        paths.make_state_dir()
    assert caught.value.code == "state_dir_unwritable"


def test_models_dir_of_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    assert paths.checkout_dir() == root
    assert paths.models_dir() == root / ".docker-cache" / "models"
    monkeypatch.setenv("HAL_MODELS_DIR", str(tmp_path / "by-variable"))
    assert paths.models_dir() == tmp_path / "by-variable"
    monkeypatch.chdir(tmp_path)
    assert paths.models_dir("by-option") == tmp_path / "by-option"
    assert paths.models_dir("") == tmp_path / "by-variable"


def test_models_dir_of_a_tool_of_a_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    project = tmp_path / "~" / "My Projects" / "HAL8000"
    tool = project / ".claude" / "tools" / "image-generation"
    for name in ("hal_generate_image.py", "models.yaml", "hal_image/paths.py"):
        (tool / name).parent.mkdir(parents=True, exist_ok=True)
        (tool / name).touch()
    monkeypatch.setattr(paths, "__file__", str(tool / "hal_image" / "paths.py"))
    assert paths.project_dir() == project
    assert paths.models_dir() == project / ".docker-cache" / "models"
    (tmp_path / "link").symlink_to(tool)
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "link" / "hal_image" / "paths.py"))
    assert paths.models_dir() == project / ".docker-cache" / "models"
    (tool / "models.yaml").unlink()
    assert paths.project_dir() is None


def test_a_checkout_by_itself_has_no_project() -> None:
    assert paths.project_dir() is None


def test_models_dir_of_an_installed_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "site-packages" / "hal_image" / "paths.py"))
    assert paths.checkout_dir() is None
    assert paths.models_dir() == tmp_path / "home" / ".cache" / "hal8000-image-gen" / "models"


def test_user_registry_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert paths.user_registry_files() == ()
    default = tmp_path / "home" / ".config" / "hal8000-image-gen" / "models.yaml"
    default.parent.mkdir(parents=True)
    default.write_text("")
    assert paths.user_registry_files() == (default,)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HAL_REGISTRY", f"mine.yaml:~/other.yaml:{tmp_path}/third.yaml:")
    assert paths.user_registry_files() == (
        tmp_path / "mine.yaml",
        tmp_path / "home" / "other.yaml",
        tmp_path / "third.yaml",
    )


def test_socket_below_the_state_dir(monkeypatch: pytest.MonkeyPatch) -> None:
    # pytest's own folder may be too long for a socket
    monkeypatch.setenv("HAL_STATE_DIR", f"/tmp/hal-test-{os.getpid()}")
    state = paths.state_dir()
    try:
        socket = paths.runtime_socket("0123abcd")
        assert socket == state / "engines" / "0123abcd" / "engine.sock"
        assert socket.parent.stat().st_mode & 0o777 == 0o700
    finally:
        for folder in (state / "engines" / "0123abcd", state / "engines", state):
            folder.rmdir()


@pytest.fixture
def short_temp(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A state directory that is too long for sockets, and a temporary directory that is short enough."""
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / ("long" * 30)))
    short = Path("/tmp") / f"hal-{os.getpid()}"
    short.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(short))
    yield short
    for path in sorted(short.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    short.rmdir()


def test_socket_in_the_temporary_directory(short_temp: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    socket = paths.runtime_socket("0123abcd")
    assert socket.parent == short_temp / f"hal8000-image-gen-{os.getuid()}"
    assert socket.parent.stat().st_mode & 0o777 == 0o700
    assert len(os.fsencode(socket)) < 100
    assert paths.runtime_socket("0123abcd") == socket
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / ("other" * 30)))
    assert paths.runtime_socket("0123abcd") != socket


@pytest.mark.parametrize("trap", ["open to others", "link", "file"])
def test_socket_folder_that_is_not_ours_alone(short_temp: Path, tmp_path: Path, trap: str) -> None:
    folder = short_temp / f"hal8000-image-gen-{os.getuid()}"
    if trap == "link":
        (tmp_path / "target").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "target")
    elif trap == "file":
        folder.write_text("")
    else:
        folder.mkdir()
        folder.chmod(0o770)
    with pytest.raises(EnvironmentError_) as caught:
        paths.runtime_socket("0123abcd")
    assert caught.value.code == "runtime_dir_unsafe"
    assert str(folder) in caught.value.hint


def test_socket_path_too_long_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    monkeypatch.setenv("HAL_STATE_DIR", str(deep / "state"))
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with pytest.raises(EnvironmentError_) as caught:
        paths.runtime_socket("0123abcd")
    assert caught.value.code == "socket_path_too_long"


def test_presets_are_beside_the_registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert paths.user_preset_files() == ()
    default = paths.default_user_presets()
    assert default == paths.default_user_registry().with_name("presets.yaml")
    default.parent.mkdir(parents=True)
    default.touch()
    assert paths.user_preset_files() == (default,)
    monkeypatch.setenv("HAL_PRESETS", f"{tmp_path}/a.yaml::~/b.yaml")
    assert paths.user_preset_files() == (tmp_path / "a.yaml", tmp_path / "home" / "b.yaml")
