"""``hal8000 register`` and ``unregister`` on whole projects."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hal_image import paths
from hal_image.errors import HalError
from hal_image.host import main
from hal_image.host.hal8000 import changes, facts, registration
from hal_image.host.hal8000.project import Project
from hal_image.host.render import Output
from hal_image.models import usage
from hal_image.models.registry import default_registry_path, load_registry
from tests.unit.host.hal8000 import trees
from tests.unit.host.hal8000.test_json_text import OddDocument

Call = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HAL_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("HAL_REGISTRY", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HAL_DOCKER", str(tmp_path / "no-docker"))
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return trees.realistic(tmp_path / "HAL 8000")


@pytest.fixture
def call(root: Path, capfd: pytest.CaptureFixture[str]) -> Call:
    """Runs ``hal8000 ACTION`` for the project; the JSON output with the exit code in it."""

    def run(action: str, *options: str, project: Path = root, code: int = 0) -> dict[str, Any]:
        assert main.main(["hal8000", action, "--project", str(project), *options, "--json"]) == code
        answer: dict[str, Any] = json.loads(capfd.readouterr().out)
        return answer

    return run


@pytest.fixture
def cached(tmp_path: Path) -> Path:
    """A models folder with files of the right names in it."""
    folder = tmp_path / "models"
    for name in ("sd15", "sdxl"):
        (file,) = load_registry(default_registry_path()).models[name].files
        path = folder / file.folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            stream.truncate(file.bytes)
    return folder


# -- the bars ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bump", [(), ("--bump", "minor")])
def test_the_second_time_changes_no_byte_and_unregister_restores_every_one(
    call: Call, root: Path, bump: tuple[str, ...], cached: Path
) -> None:
    before = trees.tree(root)
    first = call("register", *bump)
    registered = trees.tree(root)
    assert {Path(one["path"]).name for one in first["data"]["changes"]} == (
        {"CLAUDE.md", "state.json", *(("VERSION", "CHANGELOG.md") if bump else ())}
    )
    assert call("register", *bump)["data"]["changes"] == []
    assert call("register")["data"]["changes"] == []
    assert trees.tree(root) == registered
    assert call("status")["data"]["current"] is True
    call("unregister")
    assert trees.tree(root) == before
    assert call("unregister")["data"]["changes"] == []
    assert call("status")["data"]["registered"] is False


def test_the_entry_says_what_is_so_and_keeps_what_others_wrote(call: Call, root: Path, cached: Path) -> None:
    call("register")
    entry = trees.entry(root)
    assert entry.pop("undo")
    assert entry == {
        "status": "ready",
        "notes": "ComfyUI läuft; Übersicht fehlt",
        "models_cached": {"sdxl": "6.94 GB", "sd15": "2.13 GB"},
        "bios_documented": True,
        "version": (paths.checkout_dir() or Path()).joinpath("VERSION").read_text().strip(),
        "docker_image": None,
        "models_dir": str(cached),
        "storage_used": "9.07 GB",
        "tested": False,
    }
    text = (root / ".claude/state.json").read_text()
    for kept in (
        '"checked": 1.50E+3',
        '[ "browser","speech" ],   "',
        r"\u00dcbersicht",
        "123456789012345678901234567890",
    ):
        assert kept in text


def test_the_guide_has_a_command_that_is_understood(call: Call, root: Path) -> None:
    call("register")
    guide = (root / "CLAUDE.md").read_text()
    assert guide.startswith(trees.GUIDE)
    assert str(paths.checkout_dir()) in guide
    block = guide.removeprefix(trees.GUIDE)
    assert max(map(len, block.splitlines())) < 180
    assert len(block) < 2500, "it is read by every agent in every session"


def test_a_dry_run_shows_the_changes_and_makes_none(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = trees.tree(root)
    argv = ["hal8000", "register", "--project", str(root), "--bump", "patch", "--dry-run"]
    assert main.main(argv) == 0
    shown = capfd.readouterr().out
    assert trees.tree(root) == before
    assert not (root.parent / "state").exists()
    for line in (
        "--- a/CLAUDE.md",
        "+++ b/.claude/state.json",
        "-2.4.1",
        "+2.4.2",
        '+            "bios_documented": true,',
    ):
        assert line in shown.splitlines()


def test_what_was_there_before_is_kept(call: Call, root: Path) -> None:
    guide = (root / "CLAUDE.md").read_bytes()
    backup = Path(call("register")["data"]["backup"])
    assert (backup / "CLAUDE.md").read_bytes() == guide
    assert (backup / "state.json").read_text() == trees.STATE
    assert backup.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"CLAUDE.md": b""},
        {"CLAUDE.md": b"no line break at the end"},
        {".claude/other": b"x"},
        {".claude/state.json": b"{}"},
        {".claude/state.json": b"{ }\n", "CLAUDE.md": b"# A\r\n"},
        {".claude/state.json": b'{"a":1}'},
        {".claude/state.json": b'{\r\n\t"tools": {}\r\n}\r\n'},
        {".claude/state.json": b'\xef\xbb\xbf{"tools": {\n}, "x": [1,2 ]}'},
        {".claude/state.json": b'{"image-generation": {}}'},
        {".claude/state.json": b'{"image-generation": {"status":"x" }, "tools": {}}'},
        {".claude/state.json": b'{"tools": [], "capabilities": {"image-generation": { "bios_documented" : false}}}'},
    ],
)
def test_projects_of_any_kind_are_restored(call: Call, tmp_path: Path, files: dict[str, bytes]) -> None:
    project = trees.write(tmp_path / "p", files)
    before = trees.tree(project)
    call("register", project=project)
    registered = trees.tree(project)
    call("register", project=project)
    assert trees.tree(project) == registered
    call("unregister", project=project)
    assert trees.tree(project) == before


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("seed", range(60))
def test_a_state_in_any_style_is_restored(tmp_path: Path, seed: int, by_hand: bool) -> None:
    text = OddDocument(seed).text({"image-generation": {"status": "by hand", "own": [1]}} if by_hand else {})
    project = Project(trees.write(tmp_path / "p", {".claude/state.json": text.encode()}))
    before = trees.tree(project.root)
    registration.carry_out(registration.registering(project, tmp_path / "models", None))
    again = registration.registering(project, tmp_path / "models", None)
    assert all(change.before == change.after for change in again.changes)
    registration.carry_out(registration.unregistering(project))
    assert trees.tree(project.root) == before


# -- others work on the same files ------------------------------------------------------------------------------------


def test_what_others_change_in_between_stays(call: Call, root: Path) -> None:
    def edit(project: Path) -> None:
        guide, state = project / "CLAUDE.md", project / ".claude/state.json"
        guide.write_text(guide.read_text().replace("# HAL8000", "# HAL 8000") + "\n## Later\n")
        text = state.read_text().replace('"HAL8000"', '"HAL-8000"').replace('"id": ', '"ids": [1, 2],\n    "id": ')
        state.write_text(text.replace("fehlt", "da"))

    untouched = root.parent / "untouched"
    shutil.copytree(root, untouched)
    call("register", "--bump", "minor")
    edit(root)
    edit(untouched)
    call("register")
    call("unregister")
    assert trees.tree(root) == trees.tree(untouched)


def test_a_state_that_was_written_anew_by_another_program_says_the_same_afterwards(call: Call, root: Path) -> None:
    state = root / ".claude/state.json"
    call("register")
    state.write_text(json.dumps(json.loads(state.read_text()), indent=2, ensure_ascii=False))
    assert call("register")["data"]["changes"] == []
    call("unregister")
    assert json.loads(state.read_text()) == json.loads(trees.STATE)


def test_members_of_others_in_an_entry_that_we_made_stay_and_are_told(call: Call, tmp_path: Path) -> None:
    project = trees.write(tmp_path / "p", {".claude/state.json": b'{"a": 1}'})
    state = project / ".claude/state.json"
    call("register", project=project)
    state.write_text(state.read_text().replace('"status":', '"mine": 1, "status":'))
    (warning,) = call("unregister", project=project)["warnings"]
    assert warning["code"] == "registration_kept"
    assert json.loads(state.read_text()) == {"a": 1, "image-generation": {"mine": 1}}


def test_a_version_that_went_on_stays_with_its_entry(call: Call, root: Path) -> None:
    call("register", "--bump", "minor")
    (root / "VERSION").write_text("3.0.0\n")
    (warning,) = call("unregister")["warnings"]
    assert warning["code"] == "registration_kept"
    assert (root / "VERSION").read_text() == "3.0.0\n"
    assert "## [2.5.0]" in (root / "CHANGELOG.md").read_text()
    assert (root / ".claude/state.json").read_text() == trees.STATE


def test_the_version_is_raised_once(call: Call, root: Path) -> None:
    call("register")
    assert call("register", "--bump", "major")["data"]["release"] == {"before": "2.4.1", "version": "3.0.0"}
    assert call("register", "--bump", "minor")["data"]["release"] == {"before": "2.4.1", "version": "3.0.0"}
    assert (root / "VERSION").read_text() == "3.0.0\n"


def test_a_file_that_is_changed_at_the_same_moment(root: Path) -> None:
    plan = registration.registering(Project(root), root / "models", "minor")
    guide = root / "CLAUDE.md"
    guide.write_text("somebody else's\n")
    before = trees.tree(root)
    with pytest.raises(HalError) as caught:
        registration.carry_out(plan)
    assert (caught.value.code, caught.value.retryable) == ("project_file_changed", True)
    assert trees.tree(root) == before


# -- what is not as expected ------------------------------------------------------------------------------------------


def _link(root: Path) -> None:
    (root / "CLAUDE.md").rename(root / "AGENTS.md")
    (root / "CLAUDE.md").symlink_to("AGENTS.md")


def _damage_marks(root: Path) -> None:
    (root / "CLAUDE.md").write_text("<!-- image-generation: begin (undo: 1) -->\n")


def _replace(name: str, data: bytes) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / name).write_bytes(data)

    return change


def _folder(root: Path) -> None:
    (root / "CLAUDE.md").unlink()
    (root / "CLAUDE.md").mkdir()


STATE_JSON = ".claude/state.json"
TWICE = b'{"a": {"image-generation": {}}, "b": {"image-generation": {}}}'
FAULTS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "link": (_link, "project_file_unusable", "CLAUDE.md is left as it is: it is a link to AGENTS.md"),
    "folder": (_folder, "project_file_unusable", "it is no file"),
    "UTF-16": (_replace("CLAUDE.md", "# A".encode("utf-16")), "project_file_unusable", "no UTF-8"),
    "Latin-1": (_replace(STATE_JSON, b'{"a": "\xfc"}'), "project_file_unusable", "no UTF-8"),
    "no JSON": (_replace(STATE_JSON, b'{\n "a": 1,\n}'), "project_file_unusable", "(line 3, column 1)"),
    "empty": (_replace(STATE_JSON, b""), "project_file_unusable", "no JSON"),
    "a list": (_replace(STATE_JSON, b"[]"), "project_file_unusable", "no JSON object"),
    "no entry": (_replace(STATE_JSON, b'{"image-generation": "planned"}'), "project_file_unusable", "is no object"),
    "two entries": (_replace(STATE_JSON, TWICE), "project_file_unusable", "2 times: a.image-generation, b.image"),
    "tools twice": (_replace(STATE_JSON, b'{"tools": {}, "tools": {}}'), "project_file_unusable", '"tools" is there 2'),
    "undo": (_replace(STATE_JSON, b'{"image-generation": {"undo": 1}}'), "project_file_unusable", "changed by hand"),
    "marks": (_damage_marks, "project_marks_damaged", "begin in line 1"),
    "read-only": (lambda root: (root / "CLAUDE.md").chmod(0o444), "project_unwritable", "read-only"),
    "no version": (
        lambda root: (root / "VERSION").unlink(),
        "project_file_unusable",
        "VERSION is left as it is: it is not",
    ),
    "odd version": (_replace("VERSION", b"two\n"), "project_file_unusable", "such as 1.4.2"),
    "no changelog": (lambda root: (root / "CHANGELOG.md").unlink(), "project_file_unusable", "CHANGELOG.md"),
}


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
@pytest.mark.parametrize("name", FAULTS)
def test_what_is_not_as_expected_is_refused_and_nothing_is_changed(
    call: Call, root: Path, name: str, dry: tuple[str, ...]
) -> None:
    damage, code, says = FAULTS[name]
    damage(root)
    before = trees.tree(root)
    error = call("register", "--bump", "minor", *dry, code=3 if code == "project_unwritable" else 2)["error"]
    assert error["code"] == code
    assert says in error["message"]
    assert "\n" not in error["message"] + error["hint"]
    assert error["hint"]
    assert trees.tree(root) == before


def test_when_the_last_file_cannot_be_written_the_first_ones_are_as_they_were(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = trees.tree(root)
    plan = registration.registering(Project(root), root / "models", "minor")
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target.name == "CHANGELOG.md":
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(HalError) as caught:
        registration.carry_out(plan)
    assert caught.value.code == "project_unwritable"
    assert trees.tree(root) == before


def test_a_call_that_was_killed_between_two_files_is_completed_and_can_be_taken_back(call: Call, root: Path) -> None:
    before = trees.tree(root)
    plan = registration.registering(Project(root), root.parent / "models", None)
    changes.apply(plan.changes[:1], backup=False)
    assert call("status")["data"]["current"] is False
    (change,) = call("register")["data"]["changes"]
    assert change["path"] == str(root / "CLAUDE.md")
    assert call("status")["data"]["current"] is True
    call("unregister")
    assert trees.tree(root) == before


def test_rights_stay(call: Call, root: Path) -> None:
    (root / "CLAUDE.md").chmod(0o640)
    call("register")
    assert (root / "CLAUDE.md").stat().st_mode & 0o777 == 0o640


# -- which project ----------------------------------------------------------------------------------------------------


def test_the_project_is_found_from_here_upwards(root: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    monkeypatch.chdir(root / "data")
    assert main.main(["hal8000", "status", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["data"]["project"] == str(root)


@pytest.mark.parametrize("explicit", [(), ("--project", "nowhere"), ("--project", str(paths.checkout_dir()))])
def test_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], explicit: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.main(["hal8000", "register", *explicit, "--json"]) == 2
    assert json.loads(capfd.readouterr().out)["error"]["code"] == "project_not_found"


# -- models come and go -----------------------------------------------------------------------------------------------


@pytest.fixture
def at_home(root: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(root)
    return Project(root)


def test_the_facts_follow_the_models(call: Call, at_home: Project, cached: Path) -> None:
    call("register")
    output = Output("models")
    before = trees.tree(at_home.root)
    registration.refresh(cached, output)
    assert trees.tree(at_home.root) == before
    (sdxl,) = load_registry(default_registry_path()).models["sdxl"].files
    usage.touch([cached / sdxl.folder / sdxl.name])
    (cached / sdxl.folder / sdxl.name).rename(cached / sdxl.folder / f".{sdxl.name}.{sdxl.sha256[:8]}.part")
    usage.touch(cached.rglob("v1-5*"))
    registration.refresh(cached, output)
    entry = trees.entry(at_home.root)
    assert entry["models_cached"] == {"sd15": "2.13 GB"}
    assert entry["tested"] is True
    assert output.warnings == []


@pytest.mark.parametrize("how", ["not registered", "another folder", "no project", "no JSON, and none of ours"])
def test_a_project_that_does_not_ask_for_it_is_left_alone(
    call: Call, at_home: Project, cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    folder = cached
    if how == "another folder":
        call("register")
        folder = tmp_path / "other"
    elif how == "no project":
        call("register")
        monkeypatch.chdir(tmp_path)
    elif how.startswith("no JSON"):
        at_home.state.write_text("{ no JSON }")
    before = trees.tree(at_home.root)
    output = Output("models")
    registration.refresh(folder, output)
    assert trees.tree(at_home.root) == before
    assert output.warnings == []


def test_a_registration_that_cannot_be_kept_true_is_told(call: Call, at_home: Project, cached: Path) -> None:
    call("register")
    shutil.rmtree(cached)
    at_home.state.chmod(0o444)
    output = Output("models")
    registration.refresh(cached, output)
    assert [warning.code for warning in output.warnings] == ["registration_outdated"]


def test_names_of_the_members_are_those_that_are_taken_back() -> None:
    assert tuple(facts.all_fields(Path("/p"), Path("/m"))) == facts.FIELDS


def test_a_diff_shows_a_last_line_without_a_line_break() -> None:
    shown = changes.diff(changes.Change(Path("/p/a"), b"x", b"x\ny"), Path("/p"))
    assert shown.splitlines()[3:] == ["-x", "\\ No newline at end of file", "+x", "+y", "\\ No newline at end of file"]
