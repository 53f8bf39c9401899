from __future__ import annotations

import hashlib
import os
import shlex
from pathlib import Path

import pytest

from hal_image.errors import EXIT_MODEL, ModelError
from hal_image.models.store import ResolvedFile, installed_files, is_usable, resolve, sha256_of, status, target
from hal_image.models.types import Defaults, Model, ModelFile, Role, Source
from tests.unit.models.test_safetensors_header import safetensors

CONTENT = safetensors({"a": ("F32", [4])})
LONGER = safetensors({"a": ("F32", [5])})
FREE = Source("owner/repo", "files/x.safetensors", "abc", None, gated=False)
GATED = Source("owner/locked", "x.safetensors", None, None, gated=True)
DEFAULTS = Defaults(64, 64, 1, 1.0, None, "euler", "normal")


def model_file(role: Role, folder: str, name: str, *sources: Source) -> ModelFile:
    return ModelFile(role, folder, name, len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), "MIT", sources or (FREE,))


CHECKPOINT = model_file("checkpoint", "checkpoints", "x.safetensors")
ONE = Model("one", "One file", "sdxl", (CHECKPOINT,), DEFAULTS, 1, "models.yaml")
PARTS = ONE._replace(
    name="parts",
    family="flux",
    files=(
        model_file("diffusion_model", "diffusion_models", "d.safetensors"),
        model_file("clip_l", "text_encoders", "c.safetensors"),
        model_file("t5xxl", "text_encoders", "t.safetensors"),
        model_file("vae", "vae", "v.safetensors"),
    ),
)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def put(models: Path, *below: str, content: bytes = CONTENT) -> Path:
    path = models.joinpath(*below)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def failure(model: Model, models: Path, code: str) -> ModelError:
    with pytest.raises(ModelError) as raised:
        resolve(model, models)
    error = raised.value
    assert (error.code, error.exit_code) == (code, EXIT_MODEL)
    assert "\n" not in error.message + error.hint
    assert error.hint
    return error


# --- found


def test_a_file_where_the_registry_puts_it(models: Path) -> None:
    path = put(models, "checkpoints", "x.safetensors")
    resolved = resolve(ONE, models)
    assert resolved.model is ONE
    (found,) = resolved.files
    assert (found.file, found.path, found.comfy_name) == (CHECKPOINT, path, "x.safetensors")
    assert (found.bytes_found, found.matches_size, found.sha256) == (len(CONTENT), True, CHECKPOINT.sha256)
    assert not found.verified  # nobody computed it
    assert resolved.file("checkpoint") is found
    assert resolved.file("vae") is None


def test_the_path_is_absolute_and_tidy(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(models, "checkpoints", "x.safetensors")
    monkeypatch.chdir(models.parent)
    assert resolve(ONE, Path("models/../models")).files[0].path == path


def test_parts_from_both_folders_of_a_role(models: Path) -> None:
    put(models, "unet", "d.safetensors")
    put(models, "clip", "c.safetensors")
    put(models, "text_encoders", "t.safetensors")
    put(models, "vae", "v.safetensors")
    files = resolve(PARTS, models).files
    assert [f.file.role for f in files] == ["diffusion_model", "clip_l", "t5xxl", "vae"]
    assert [f.path.parent.name for f in files] == ["unet", "clip", "text_encoders", "vae"]
    assert [f.comfy_name for f in files] == ["d.safetensors", "c.safetensors", "t.safetensors", "v.safetensors"]


def test_a_subfolder_is_part_of_comfys_name(models: Path) -> None:
    path = put(models, "checkpoints", "sd", "xl", "x.safetensors")
    (found,) = resolve(ONE, models).files
    assert (found.path, found.comfy_name) == (path, "sd/xl/x.safetensors")


def test_the_top_level_comes_first_then_the_nearest(models: Path) -> None:
    deep = put(models, "checkpoints", "a", "b", "x.safetensors")
    assert resolve(ONE, models).files[0].path == deep
    near = put(models, "checkpoints", "z", "x.safetensors")
    assert resolve(ONE, models).files[0].path == near
    top = put(models, "checkpoints", "x.safetensors")
    assert resolve(ONE, models).files[0].path == top


def test_the_top_level_of_either_folder_comes_before_a_subfolder(models: Path) -> None:
    put(models, "unet", "sub", "d.safetensors")
    top = put(models, "diffusion_models", "d.safetensors")
    assert installed_files(PARTS, models)[0][1] == top


def test_of_two_with_one_name_it_is_the_one_that_comfyui_opens(models: Path) -> None:
    put(models, "diffusion_models", "d.safetensors")
    unet = put(models, "unet", "d.safetensors")
    put(models, "clip", "c.safetensors")
    encoders = put(models, "text_encoders", "c.safetensors")
    assert [path for _, path in installed_files(PARTS, models)[:2]] == [unet, encoders]


def test_links_are_followed_and_kept(models: Path, tmp_path: Path) -> None:
    elsewhere = put(tmp_path / "elsewhere", "big", "other-name.safetensors")
    (models / "checkpoints").mkdir(parents=True)
    link = models / "checkpoints" / "x.safetensors"
    link.symlink_to(elsewhere)
    assert resolve(ONE, models).files[0].path == link


def test_linked_folders_are_searched_and_circles_end(models: Path, tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", "deep", "x.safetensors")
    folder = models / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "circle").symlink_to(folder)
    (folder / "itself").symlink_to("itself")
    (folder / "mine").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(folder)
    assert resolve(ONE, models).files[0].comfy_name == "mine/deep/x.safetensors"


def test_every_folder_is_looked_at_once(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two links back to the top would otherwise be 2**40 paths: the system gives up only at the fortieth link.
    folder = models / "checkpoints"
    (folder / "sub").mkdir(parents=True)
    (folder / "one").symlink_to(folder)
    (folder / "two").symlink_to(folder)
    looked_at: list[Path] = []
    real = os.scandir

    def scandir(path: Path) -> object:
        looked_at.append(path)
        assert len(looked_at) < 10
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert installed_files(ONE, models) == [(CHECKPOINT, None)]
    assert looked_at == [folder, folder / "sub"]


def test_the_models_folder_may_be_a_link(models: Path, tmp_path: Path) -> None:
    put(tmp_path / "disk", "checkpoints", "x.safetensors")
    models.symlink_to(tmp_path / "disk")
    assert resolve(ONE, models).files[0].path == models / "checkpoints" / "x.safetensors"


def test_a_complete_file_of_another_size_is_accepted_but_not_called_the_same(models: Path) -> None:
    put(models, "checkpoints", "x.safetensors", content=LONGER)
    (found,) = resolve(ONE, models).files
    assert (found.bytes_found, found.matches_size, found.sha256) == (len(LONGER), False, None)


# --- missing


def test_a_missing_file_says_what_where_and_how(models: Path) -> None:
    big = ONE._replace(files=(CHECKPOINT._replace(bytes=6_938_078_334),))
    error = failure(big, models, "model_missing")
    where = models / "checkpoints" / "x.safetensors"
    address = "https://huggingface.co/owner/repo/resolve/abc/files/x.safetensors"
    assert error.message == f"model 'one' is not installed: its file x.safetensors is not in {models / 'checkpoints'}"
    by_hand = "models pull one downloads 6.94 GB; or get x.safetensors by hand:"
    assert error.hint == f"{by_hand} curl -fL --create-dirs -o {where} {address}"
    assert error.details == {
        "model": "one",
        "models_dir": str(models),
        "missing": [
            {
                "file": "x.safetensors",
                "folder": "checkpoints",
                "bytes": 6_938_078_334,
                "sha256": CHECKPOINT.sha256,
                "licence": "MIT",
                "gated": False,
                "sources": [address],
                "target": str(where),
            }
        ],
    }


def test_all_missing_files_are_in_the_details(models: Path) -> None:
    error = failure(PARTS, models, "model_missing")
    assert f"none of its 4 files is in {models}" in error.message
    assert error.hint.startswith(
        "models pull parts downloads 0.00 GB; or get d.safetensors (then 3 more) by hand: curl "
    )
    assert [entry["file"][0] for entry in error.details["missing"]] == ["d", "c", "t", "v"]


def test_only_what_is_missing_is_asked_for(models: Path) -> None:
    put(models, "unet", "d.safetensors")
    put(models, "vae", "v.safetensors")
    error = failure(PARTS, models, "model_missing")
    assert "2 of its 4 files are not in" in error.message
    assert error.hint.startswith(
        "models pull parts downloads 0.00 GB; or get c.safetensors (then 1 more) by hand: curl "
    )
    put(models, "clip", "c.safetensors")
    error = failure(PARTS, models, "model_missing")
    assert "1 of its 4 files is not in" in error.message
    assert error.hint.startswith("models pull parts downloads 0.00 GB; or get t.safetensors by hand: curl ")


def test_missing_comes_before_damaged(models: Path) -> None:
    # What takes hours to download is said first.
    put(models, "unet", "d.safetensors", content=b"")
    failure(PARTS, models, "model_missing")


def test_a_path_with_spaces_survives_the_shell(tmp_path: Path) -> None:
    models = tmp_path / "my models"
    command = failure(ONE, models, "model_missing").hint.split("by hand: ")[1]
    assert shlex.split(command)[4] == str(models / "checkpoints" / "x.safetensors")


def test_a_free_source_is_preferred_to_a_gated_one(models: Path) -> None:
    model = ONE._replace(files=(CHECKPOINT._replace(sources=(GATED, FREE)),))
    error = failure(model, models, "model_missing")
    assert "owner/repo" in error.hint
    assert "HF_TOKEN" not in error.hint
    assert error.details["missing"][0]["gated"] is False


def test_a_gated_file_needs_a_licence_and_a_token(models: Path) -> None:
    model = ONE._replace(files=(CHECKPOINT._replace(sources=(GATED,)),))
    error = failure(model, models, "model_missing")
    assert '-H "Authorization: Bearer $HF_TOKEN"' in error.hint
    assert "accept the licence at https://huggingface.co/owner/locked " in error.hint
    assert error.details["missing"][0]["gated"] is True


@pytest.mark.parametrize(
    ("below", "name"),
    [
        ("", "x.safetensors"),  # not in a folder of its role
        ("vae", "x.safetensors"),
        ("checkpoints", "X.safetensors"),  # ComfyUI lists names as they are written
        ("checkpoints", "x.safetensors.part"),
        ("checkpoints/.git", "x.safetensors"),  # ComfyUI skips it
        ("checkpoints/x.safetensors", "y"),  # a folder of that name
    ],
)
def test_what_does_not_count(models: Path, below: str, name: str) -> None:
    put(models, below, name)
    failure(ONE, models, "model_missing")
    assert installed_files(ONE, models) == [(CHECKPOINT, None)]


def test_a_link_to_nowhere_is_called_that(models: Path) -> None:
    link = models / "checkpoints" / "x.safetensors"
    link.parent.mkdir(parents=True)
    link.symlink_to(models / "gone.safetensors")
    assert f"{link} is a link to a file that does not exist" in failure(ONE, models, "model_missing").message


def test_a_file_in_place_of_a_folder(models: Path) -> None:
    models.write_text("not a folder")
    failure(ONE, models, "model_missing")
    assert installed_files(ONE, models) == [(CHECKPOINT, None)]


# --- damaged, unreadable


@pytest.mark.parametrize("content", [CONTENT[:-1], b"", b"<html>no</html>", b"PK\x03\x04" + bytes(500)])
def test_what_is_not_a_complete_safetensors_file_is_refused(models: Path, content: bytes) -> None:
    path = put(models, "checkpoints", "sub", "x.safetensors", content=content)
    error = failure(ONE, models, "model_corrupt")
    assert str(path) in error.message
    assert "`models verify one --repair` downloads the published file" in error.hint


def test_installed_files_does_not_look_inside(models: Path) -> None:
    path = put(models, "checkpoints", "x.safetensors", content=b"")
    assert installed_files(ONE, models) == [(CHECKPOINT, path)]


def forbid(monkeypatch: pytest.MonkeyPatch, forbidden: Path) -> None:
    real = os.scandir

    def scandir(path: Path) -> object:
        if path == forbidden:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)


def test_a_folder_without_rights_is_not_called_missing(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(models, "checkpoints", "x.safetensors")
    forbid(monkeypatch, models / "checkpoints")
    error = failure(ONE, models, "model_unreadable")
    assert f"{models / 'checkpoints'} cannot be read: Permission denied" in error.message
    assert error.hint == f"check it with: ls -ld {models / 'checkpoints'}"
    assert installed_files(ONE, models) == [(CHECKPOINT, None)]


def test_a_subfolder_without_rights_is_passed_over(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(models, "checkpoints", "lost+found", "x.safetensors")
    path = put(models, "checkpoints", "sub", "x.safetensors")
    forbid(monkeypatch, models / "checkpoints" / "lost+found")
    assert resolve(ONE, models).files[0].path == path


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_rights(models: Path) -> None:
    put(models, "checkpoints", "x.safetensors").chmod(0)
    assert "Permission denied" in failure(ONE, models, "model_unreadable").message


def test_a_link_to_itself_cannot_be_read(models: Path) -> None:
    link = models / "checkpoints" / "x.safetensors"
    link.parent.mkdir(parents=True)
    link.symlink_to("x.safetensors")
    failure(ONE, models, "model_unreadable")
    assert installed_files(ONE, models) == [(CHECKPOINT, None)]


# --- comes inside the package

OURS = Source(None, None, None, None, gated=False, bundled="crayon")
INCLUDED = CHECKPOINT._replace(name="i.safetensors", sources=(OURS,))
CRAYON = ONE._replace(name="crayon", files=(INCLUDED,))
MIXED = PARTS._replace(files=(INCLUDED, *PARTS.files[1:]))


def test_what_comes_with_us_is_told_as_it_will_be(models: Path) -> None:
    where = models / "checkpoints" / "i.safetensors"
    assert resolve(CRAYON, models).files == (
        ResolvedFile(INCLUDED, where, "i.safetensors", len(CONTENT), True, INCLUDED.sha256, included=True),
    )
    assert not models.exists()
    assert installed_files(CRAYON, models) == [(INCLUDED, None)]


@pytest.mark.parametrize("content", [LONGER, CONTENT[:-1], b""])
@pytest.mark.parametrize("below", ["", "sub"])
def test_another_size_is_another_version_and_is_replaced_where_it_is(models: Path, content: bytes, below: str) -> None:
    path = put(models, "checkpoints", below, "i.safetensors", content=content)
    (found,) = resolve(CRAYON, models).files
    assert (found.included, found.path, found.matches_size) == (True, path, True)
    assert found.comfy_name == path.relative_to(models / "checkpoints").as_posix()
    assert installed_files(CRAYON, models) == [(INCLUDED, None)]


def test_a_file_of_the_right_size_is_used_as_any_other(models: Path) -> None:
    path = put(models, "checkpoints", "sub", "i.safetensors")
    (found,) = resolve(CRAYON, models).files
    assert (found.included, found.path, found.comfy_name) == (False, path, "sub/i.safetensors")
    assert installed_files(CRAYON, models) == [(INCLUDED, path)]


def test_a_damaged_file_of_the_right_size_is_deleted_not_downloaded(models: Path) -> None:
    path = put(models, "checkpoints", "i.safetensors", content=bytes(len(CONTENT)))
    error = failure(CRAYON, models, "model_corrupt")
    assert error.hint == f"rm {path} and call again: it comes with this tool, and is then written anew"


def test_what_comes_with_us_is_never_missing(models: Path) -> None:
    error = failure(MIXED, models, "model_missing")
    assert [entry["file"] for entry in error.details["missing"]] == ["c.safetensors", "t.safetensors", "v.safetensors"]


def test_status(models: Path) -> None:
    def told(model: Model) -> str:
        return status(installed_files(model, models))

    assert (told(ONE), told(CRAYON), told(PARTS), told(MIXED)) == ("missing", "included", "missing", "1 of 4 files")
    assert [is_usable(model, models) for model in (ONE, CRAYON, MIXED)] == [False, True, False]
    for folder, name in (("text_encoders", "c"), ("text_encoders", "t"), ("vae", "v")):
        put(models, folder, f"{name}.safetensors")
    assert (told(PARTS), told(MIXED)) == ("3 of 4 files", "included")
    put(models, "checkpoints", "i.safetensors")
    assert (told(CRAYON), told(MIXED)) == ("present", "present")
    put(models, "checkpoints", "i.safetensors", content=LONGER)
    assert told(CRAYON) == "included"
    put(models, "checkpoints", "x.safetensors", content=LONGER)
    assert (told(ONE), is_usable(ONE, models)) == ("present", True)


# --- the rest


def test_target_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert target(CHECKPOINT, Path("m")) == tmp_path / "m" / "checkpoints" / "x.safetensors"


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_sha256_of_any_size(tmp_path: Path, size: int) -> None:
    content = bytes(index % 251 for index in range(1000)) * (size // 1000 + 1)
    path = tmp_path / "file"
    path.write_bytes(content[:size])
    assert sha256_of(path) == hashlib.sha256(content[:size]).hexdigest()


def test_sha256_of_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file") as raised:
        sha256_of(tmp_path / "nothing")
    assert raised.value.code == "model_unreadable"
