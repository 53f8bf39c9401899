"""Tables of mounts as WSL2, WSL1 and others have them (after public bug reports), and the one that is here."""

from __future__ import annotations

from pathlib import Path

import pytest

from hal_image import mounts
from hal_image.mounts import mount_of

WSL2 = r"""
/dev/sdc / ext4 rw,relatime,discard,errors=remount-ro,data=ordered 0 0
none /mnt/wsl tmpfs rw,relatime 0 0
drivers /usr/lib/wsl/drivers 9p ro,nosuid,nodev,noatime,dirsync,aname=drivers;fmask=222;dmask=222,mmap,access=client 0 0
C:\134 /mnt/c 9p rw,noatime,dirsync,aname=drvfs;path=C:\;uid=1000;gid=1000;symlinkroot=/mnt/,mmap,access=client 0 0
D:\134 /mnt/d 9p rw,noatime,dirsync,aname=drvfs;path=D:\;uid=1000;gid=1000;symlinkroot=/mnt/,mmap,access=client 0 0
"""
WSL2_OLD = r"drvfs /mnt/d 9p rw,dirsync,noatime,aname=drvfs;path=D:\;uid=0;gid=0;symlinkroot=/mnt/,mmap,trans=fd 0 0"
WSL2_VIRTIOFS = r"drvfsaD /mnt/d virtiofs rw,noatime 0 0"
WSL1 = r"D: /mnt/d drvfs rw,noatime,uid=1000,gid=1000,case=off 0 0"
OTHERS = r"""
/dev/vda / ext4 rw,relatime 0 0
server:/export /data nfs4 rw,vers=4.2,addr=10.0.0.1 0 0
//nas/models /smb cifs rw,username=x 0 0
share /vm 9p rw,trans=virtio 0 0
/dev/sdb1 /media/my\040disk ext4 rw 0 0
tmpfs /data/fast tmpfs rw 0 0
"""


@pytest.mark.parametrize("table", [WSL2, WSL2_OLD, WSL1])
def test_a_windows_drive_is_recognised(table: str) -> None:
    mount = mount_of(Path("/mnt/d/hal/.docker-cache/models"), table)
    assert mount is not None
    assert mount.windows_drive == "D:"
    assert "D:" in mount.remark
    assert "slower" in mount.remark


def test_a_windows_drive_over_virtiofs_is_one() -> None:
    mount = mount_of(Path("/mnt/d/x"), WSL2_VIRTIOFS)
    assert mount is not None
    assert mount.windows_drive is not None


@pytest.mark.parametrize(
    ("path", "table", "remark"),
    [
        ("/home/you/models", WSL2, ""),
        ("/mnt/wsl/x", WSL2, ""),
        ("/usr/lib/wsl/drivers", WSL2, "shared"),
        ("/home/you", OTHERS, ""),
        ("/data/models", OTHERS, "network"),
        ("/data/fast/models", OTHERS, ""),
        ("/database", OTHERS, ""),  # begins like /data and is not below it
        ("/smb", OTHERS, "network"),
        ("/vm/models", OTHERS, "shared"),
        ("/media/my disk/models", OTHERS, ""),
    ],
)
def test_other_disks(path: str, table: str, remark: str) -> None:
    mount = mount_of(Path(path), table)
    assert mount is not None
    assert mount.windows_drive is None
    assert (remark in mount.remark) if remark else (mount.remark == "")


def test_escapes_are_read() -> None:
    mount = mount_of(Path("/media/my disk/models"), OTHERS)
    assert mount is not None
    assert (mount.source, mount.point) == ("/dev/sdb1", "/media/my disk")
    drive = mount_of(Path("/mnt/d"), WSL2)
    assert drive is not None
    assert drive.source == "D:\\"


def test_the_later_of_two_mounts_at_one_place_counts() -> None:
    mount = mount_of(Path("/x/y"), "/dev/a /x ext4 rw 0 0\nserver:/b /x nfs rw 0 0\n")
    assert mount is not None
    assert mount.kind == "nfs"


def test_no_table_and_nonsense() -> None:
    assert mount_of(Path("/x"), "") is None
    assert mount_of(Path("/x"), "nonsense\n\n") is None


def test_this_machine(tmp_path: Path) -> None:
    mount = mounts.mount_here(tmp_path)
    assert mount is None or tmp_path.resolve().is_relative_to(mount.point)


def test_speed_is_measured_on_a_large_file_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "SAMPLE_BYTES", 1 << 20)
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(bytes(1 << 20))
    large.write_bytes(bytes(3 << 20))
    assert mounts.read_speed(small) is None
    assert mounts.read_speed(tmp_path / "absent") is None
    speed = mounts.read_speed(large)
    assert speed is not None
    assert speed > 1e6
