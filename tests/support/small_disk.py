"""A file system of little room for a data directory, which a test fills and empties."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import open_directory

ROOM = "size=256m,mode=0755"
BLOCK = b"\0" * 65_536


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """Skipped, with the reason, where nothing may be mounted."""
    with open_directory() as place:
        mount = ["mount", "-t", "tmpfs", "-o", ROOM, "tmpfs", str(place)]
        try:
            subprocess.run(mount, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as refused:
            pytest.skip(f"a small file system cannot be mounted here: {refused}")
        try:
            yield place
        finally:
            subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> Path:
    """The file that takes all room there is left, to be removed again."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (len(BLOCK), 1):
            while True:
                try:
                    file.write(BLOCK[:size])
                except OSError:
                    break
    return ballast
