"""Reading an archive, believing nothing: whatever is read through was compared with its sums."""

import hashlib
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from services.database.backup import ArchiveError, Told
from services.database.backup.manifest import LOG, Manifest, Member
from services.database.backup.writer import BLOCK, MANIFEST

LARGEST_MANIFEST = 4 * 1024 * 1024
# What zipfile raises for damaged files; a flipped bit may ask for a method or version it lacks.
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    OverflowError,
    RuntimeError,
    UnicodeError,
    ValueError,
)


class Archive:
    """An archive to read from; a context manager. Everything raises ArchiveError.

    `manifest` is read and its format known; what the members hold is believed by nobody yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explained():
            self._zip = zipfile.ZipFile(path)
        try:
            self.manifest = self._read_manifest()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def blocks(self, member: Member) -> Iterator[bytes]:
        """The member's content. Raises at its end if that is not what was written."""
        digest, size = hashlib.sha256(), 0
        with self._explained(), self._zip.open(member.name) as file:
            while block := file.read(BLOCK):
                digest.update(block)
                size += len(block)
                yield block
        if (size, digest.hexdigest()) != (member.size, member.sha256):
            raise ArchiveError(f"{self.path} is damaged: {member.name} has another checksum")

    def check(self, told: Told) -> None:
        """Read everything: checksums, numbers of rows, and positions without a gap."""
        done, manifest = 0, self.manifest
        for member in manifest.members:
            rows = _LogRows(member) if member.table == LOG else _Rows()
            for block in self.blocks(member):
                if not rows.count(block):
                    raise ArchiveError(f"{self.path}: the positions in {member.name} have a gap")
                done += len(block)
                told(done, manifest.size)
            if rows.counted != member.rows:
                raise ArchiveError(f"{self.path}: {member.name} has {rows.counted} rows")
        if [m.rows for m in manifest.members if m.table == LOG] != [manifest.position]:
            raise ArchiveError(f"{self.path} does not hold events 1 to {manifest.position}")

    def _read_manifest(self) -> Manifest:
        with self._explained(), self._zip.open(MANIFEST) as file:
            text = file.read(LARGEST_MANIFEST)
        try:
            return Manifest.read(text)
        except ArchiveError as wrong:
            raise ArchiveError(f"{self.path}: {wrong}") from None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as failed:
            raise ArchiveError(f"{self.path} cannot be read: {failed.strerror}") from failed
        except DAMAGED as failed:
            raise ArchiveError(
                f"{self.path} is truncated, damaged, or no backup of teamledger ({failed})"
            ) from failed


class _Rows:
    """Rows of COPY's text: each ends with a line feed, none holds one."""

    def __init__(self) -> None:
        self.counted = 0

    def count(self, block: bytes) -> bool:
        self.counted += block.count(b"\n")
        return True


class _LogRows(_Rows):
    """Rows of the log, whose positions have to count from 1."""

    def __init__(self, member: Member) -> None:
        super().__init__()
        self._place = member.columns.index("notification_id")
        self._rest = b""

    def count(self, block: bytes) -> bool:
        """Whether the positions that end in this block go on without a gap."""
        *lines, self._rest = (self._rest + block).split(b"\n")
        for line in lines:
            self.counted += 1
            place = slice(self._place, self._place + 1)
            if line.split(b"\t")[place] != [b"%d" % self.counted]:
                return False
        return True
