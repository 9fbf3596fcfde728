"""Writing an archive: a ZIP file that takes its name when it is whole and on the disk."""

import hashlib
import os
import secrets
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from services.database.backup import ArchiveError
from services.database.backup.manifest import Manifest

LEVEL = 1  # of zlib: a third more bytes than the default, in a third of the time
BLOCK = 1024 * 1024
MANIFEST = "manifest.json"


class Written(NamedTuple):
    """How much was put into a member, and its checksum in hex."""

    size: int
    sha256: str


class ArchiveWriter:
    """An archive that is being written, member after member."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)

    def add(self, name: str, data: Iterable[bytes]) -> Written:
        """Stream a member in; many small pieces are gathered to blocks."""
        digest, size = hashlib.sha256(), 0
        with self._zip.open(name, "w", force_zip64=True) as member:
            for block in _blocks(data):
                digest.update(block)
                size += len(block)
                member.write(block)
        return Written(size, digest.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """The manifest, and the directory without which no ZIP file can be read."""
        self._zip.writestr(MANIFEST, manifest.model_dump_json(indent=2) + "\n")
        self._zip.close()

    def abandon(self) -> None:
        """Write no more, not even a directory; harmless after `finish`."""
        self._zip.fp = None


@contextmanager
def written_archive(path: Path, *, force: bool) -> Iterator[ArchiveWriter]:
    """A writer; `path` exists once the block has ended well, and is as before if it has not.

    The file can be read by its owner only. Raises ArchiveError where something of that name
    exists, unless by `force`, and where it cannot be written. By `force`, too, it is files alone
    that are replaced; of a link, what that leads to.
    """
    if path.exists() and not path.is_file():
        raise ArchiveError(f"{path} is no regular file, and nothing else is replaced")
    if path.exists() and not force:
        raise ArchiveError(f"{path} exists; choose another name or add --force")
    whole = path.resolve()
    draft = whole.with_name(f".{whole.name}.{secrets.token_hex(4)}.partial")
    try:
        with _private(draft) as file:
            writer = ArchiveWriter(file)
            try:
                yield writer
            finally:
                writer.abandon()
            file.flush()
            os.fsync(file.fileno())
        if path.exists() and not force:
            raise ArchiveError(f"{path} exists by now; choose another name or add --force")
        draft.replace(whole)
        _sync(whole.parent)
    except OSError as failed:
        raise ArchiveError(f"{path} cannot be written: {failed.strerror or failed}") from failed
    finally:
        with suppress(OSError):
            draft.unlink()


def _private(path: Path) -> IO[bytes]:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o600), "w+b")


def _sync(directory: Path) -> None:
    """Have the name on the disk too, where the system can do that."""
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _blocks(data: Iterable[bytes]) -> Iterator[bytes]:
    gathered = bytearray()
    for piece in data:
        gathered += piece
        if len(gathered) >= BLOCK:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered)
