"""The data folder: local, writable, and one process's at a time (RELIABILITY.md P32)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.processes import started

from sigmawatch.adapters.ledgers.folder import DataFolder, filesystem
from sigmawatch.domain.errors import InUse, Refused

MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
31 27 0:40 / /share rw,relatime shared:7 - nfs4 server:/share rw,vers=4.2
32 31 254:1 / /share/me/disk rw,relatime - xfs /dev/vdb rw
33 27 0:41 / /mnt/my\\040share rw - cifs //server/share rw
34 27 0:42 / /mnt/over rw - fuse.sshfs server: rw
35 34 254:2 / /mnt/over rw - ext4 /dev/vdc rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/data", "ext4"),
        ("/shares/data", "ext4"),
        ("/share/me/data", "nfs4"),
        ("/share/me/disk/data", "xfs"),
        ("/mnt/my share/data", "cifs"),
        ("/mnt/over", "ext4"),
    ],
)
def test_the_file_system_of_a_folder_is_that_of_its_nearest_mount(path: str, kind: str) -> None:
    assert filesystem(Path(path), MOUNTS) == kind


@pytest.mark.parametrize(
    ("kind", "refused"),
    [(kind, True) for kind in ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "vboxsf")]
    + [(kind, False) for kind in ("ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuseblk")],
)
def test_a_network_file_system_is_refused_by_name(tmp_path: Path, kind: str, refused: bool) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"27 1 254:0 / / rw - {kind} somewhere rw\n")
    if not refused:
        DataFolder.hold(tmp_path / "data", mounts=mounts).release()
        return
    with pytest.raises(Refused, match=rf"network file system \({kind}\)"):
        DataFolder.hold(tmp_path / "data", mounts=mounts)
    assert not (tmp_path / "data").exists()


def test_where_mounts_are_unknown_nothing_is_refused(tmp_path: Path) -> None:
    DataFolder.hold(tmp_path / "data", mounts=tmp_path / "missing").release()


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="--data"):
        DataFolder.hold(tmp_path / "file" / "data")
    with pytest.raises(Refused, match="--data"):
        DataFolder.hold(tmp_path / "file")


def test_a_folder_that_stands_keeps_its_mode_and_its_database_becomes_private(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    (folder / "sigmawatch.db").touch(mode=0o644)
    held = DataFolder.hold(folder)
    held.make_database()
    held.release()
    assert folder.stat().st_mode & 0o777 == 0o755
    assert (folder / "sigmawatch.db").stat().st_mode & 0o777 == 0o600


HOLD = """
import sys, pathlib
from sigmawatch.adapters.ledgers.folder import DataFolder
folder = DataFolder.hold(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_the_holder_is_named_and_its_death_frees_the_folder(tmp_path: Path) -> None:
    with started(
        [sys.executable, "-c", HOLD, str(tmp_path / "data")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InUse, match=f"process {holder.pid}"):
            DataFolder.hold(tmp_path / "data")
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        DataFolder.hold(tmp_path / "data").release()
