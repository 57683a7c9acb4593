"""A disk whose power can be cut: a file system in a file, mounted from a loop device.

The cut is the kernel's own: EXT4_IOC_SHUTDOWN (fs/ext4/ioctl.c; XFS_IOC_GOINGDOWN is the same
number) without flushing the log drops what was not synced, pages and journal alike, and every later
call fails. What is on the file system after it was mounted anew is what a power cut would have
left, as far as the disk keeps what it says it has synced. Needs root, mkfs and loop devices.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_SHUTDOWN = 2 << 30 | 4 << 16 | ord("X") << 8 | 125  # _IOR('X', 125, __u32)
_NO_LOG_FLUSH = 2
IMAGE_BYTES = 96 << 20

MKFS = {"ext4": ("mkfs.ext4", "-q", "-F"), "xfs": ("mkfs.xfs", "-q", "-f")}


class Disk:
    """A file system, mounted at `mount`. Make it with `disk`."""

    def __init__(self, image: Path, mount: Path) -> None:
        self._image = image
        self.mount = mount

    def cut(self) -> None:
        """The power fails: nothing more reaches the disk."""
        handle = os.open(self.mount, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, _SHUTDOWN, struct.pack("<I", _NO_LOG_FLUSH))
        finally:
            os.close(handle)

    def back(self) -> None:
        """The power is back. Nobody may have a file open there."""
        self.off()
        self.on()

    def on(self) -> None:
        _run("mount", "-o", "loop", str(self._image), str(self.mount))

    def off(self) -> None:
        _run("umount", str(self.mount))


@contextmanager
def disk(folder: Path, *, kind: str) -> Iterator[Disk]:
    """A new disk, mounted below `folder`; unmounted afterwards. Skips where that cannot be done."""
    image, mount = folder / f"{kind}.img", folder / kind
    mount.mkdir()
    with image.open("wb") as made:
        made.truncate(IMAGE_BYTES if kind == "ext4" else 4 * IMAGE_BYTES)
    command, *options = MKFS[kind]
    if os.geteuid() != 0 or shutil.which(command) is None:
        pytest.skip(f"no root or no {command}: no power cuts on {kind}")
    _run(command, *options, str(image))
    one = Disk(image, mount)
    try:
        one.on()
    except subprocess.CalledProcessError as exc:
        pytest.skip(f"no loop devices: no power cuts on {kind} ({exc.stderr.strip()})")
    try:
        yield one
    finally:
        one.off()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
