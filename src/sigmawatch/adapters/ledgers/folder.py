"""The data folder: made private, on a local disk, and held by one process at a time.

The hold is an OS lock on `sigmawatch.lock`, which the kernel gives back when the process dies, so
a lock left behind is no lock. Raises InUse, Refused.
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from sigmawatch.domain.errors import InUse, Refused

DATABASE = "sigmawatch.db"
LOCK = "sigmawatch.lock"
_SIGNATURE_BYTES = 32
MOUNTS = Path("/proc/self/mountinfo")  # Linux; elsewhere nothing is known and nothing refused

# Locks and shared memory over these do not hold what SQLite needs of them; among them are folders
# of a host that a virtual machine is given (9p, which is also WSL's /mnt/c).
_NETWORK = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "davfs", "gfs2", "glusterfs", "lustre", "ncpfs", "nfs",
    "nfs4", "ocfs2", "prl_fs", "smb2", "smb3", "smbfs", "vboxsf", "vmhgfs",
    "fuse.cephfs", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs", "fuse.juicefs", "fuse.rclone",
    "fuse.s3fs", "fuse.smbnetfs", "fuse.sshfs", "fuse.vmhgfs-fuse",
})  # fmt: skip


class DataFolder:
    """A folder that is ours from `hold` to `release`."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @property
    def database(self) -> Path:
        return self.path / DATABASE

    @classmethod
    def hold(cls, path: Path, *, mounts: Path = MOUNTS) -> DataFolder:
        """Make the folder where it is missing (0700) and lock it; at once or not at all.

        mounts: where the mounted file systems are listed. Raises InUse with the holder's process
        id, Refused on a network file system or where we may not write.
        """
        path = path.absolute()
        _refuse_network(path, mounts)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise _not_writable(path, exc) from exc
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sign(lock)
            _sync_folder(path)
        except BlockingIOError as exc:
            holder = (
                os.pread(lock, _SIGNATURE_BYTES, 0).decode("ascii", "replace").strip() or "unknown"
            )
            os.close(lock)
            raise InUse(
                f"{path} is in use by another sigmawatch (process {holder}): stop that one, or "
                "give this one a folder of its own with --data"
            ) from exc
        except OSError as exc:
            os.close(lock)
            raise _not_writable(path, exc) from exc
        return cls(path, lock)

    def make_database(self) -> None:
        """An empty file where there is none, the owner's alone. Raises Refused."""
        try:
            _private(self.database)
            _sync_folder(self.path)
        except OSError as exc:
            raise _not_writable(self.path, exc) from exc

    def release(self) -> None:
        """Let another process have it."""
        os.close(self._lock)


def _sign(lock: int) -> None:
    """Say who holds it, over who held it before: that takes no room, and where there is none for
    the first one, nobody is named."""
    try:
        os.pwrite(lock, f"{os.getpid()}\n".ljust(_SIGNATURE_BYTES).encode(), 0)
    except OSError as exc:
        if exc.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise


def _private(database: Path) -> None:
    """Only the owner reads or writes the database; SQLite gives its other files the same mode."""
    handle = os.open(database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(handle, 0o600)
    finally:
        os.close(handle)


def _sync_folder(path: Path) -> None:
    """After a power cut the new folder and files are still there by name."""
    for folder in (path, path.parent):
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _not_writable(path: Path, exc: OSError) -> Refused:
    return Refused(
        f"cannot write to the data folder {path} ({exc.strerror}): make it writable, or choose "
        "another with --data"
    )


def _refuse_network(path: Path, mounts: Path) -> None:
    try:
        listed = mounts.read_text("utf-8", "replace")
    except OSError:
        return
    kind = filesystem(path.resolve(), listed)
    if kind in _NETWORK:
        raise Refused(
            f"{path} lies on a network file system ({kind}), where a database cannot be kept "
            "safe: choose a folder on a local disk with --data"
        )


def filesystem(path: Path, mounts: str) -> str:
    """The type of the file system that `path` (absolute, resolved) lies on or would.

    mounts: the text of proc_pid_mountinfo(5); of two mounts at one place the later one counts.
    """
    found, depth = "", -1
    for line in mounts.splitlines():
        fields, separator, source = line.partition(" - ")
        if not separator:
            continue
        point = Path(fields.split(" ")[4].replace("\\040", " "))
        if path.is_relative_to(point) and len(point.parts) >= depth:
            found, depth = source.split(" ")[0], len(point.parts)
    return found
