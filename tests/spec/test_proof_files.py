"""Files that are no export, no checkpoints or no place for either: told in one line, status 2."""

import gzip
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import Result

from services.database.backup import ArchiveError
from services.database.backup.writer import written_archive
from services.proof import export
from services.proof.checkpoint import public_text
from tests.support.command_line import environment, invoked, line

VERIFIER = public_text("teamledger/log", Ed25519PrivateKey.generate().public_key())
HEADER = export.header("log", VERIFIER, 0, [])


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """An export of nothing."""
    file = tmp_path / "audit.jsonl.gz"
    export.write(file, iter([HEADER]))
    return file


def packed(file: Path, *lines: object) -> Path:
    file.write_bytes(gzip.compress(b"".join(orjson.dumps(each) + b"\n" for each in lines)))
    return file


def assert_refused(result: Result, says: str) -> None:
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert result.stderr.startswith("error: ")
    assert (says in result.stderr, result.stderr.count("\n")) == (True, 1), result.stderr


def test_an_export_of_nothing_can_be_read(whole: Path) -> None:
    read = invoked("audit", "verify", str(whole))
    assert (read.exit_code, "this proves nothing" in read.stdout) == (0, True)


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="a device of Linux")
def test_a_verdict_that_finds_no_room_is_none(whole: Path) -> None:
    """Status 1 would say that the log was changed."""
    with Path("/dev/full").open("w") as full:
        read = subprocess.run(
            line("audit", "verify", str(whole)),
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (read.returncode, read.stderr.count("\n")) == (2, 1), read.stderr
    assert "No space left on device" in read.stderr


def without(path: Path) -> None:
    path.unlink()


def as_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_text(path: Path) -> None:
    path.write_text("what somebody else wrote\n")


def with_flipped_bits(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[60:70] = bytes(byte ^ 0x55 for byte in data[60:70])
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (without, "cannot be read: No such file or directory"),
        (as_directory, "cannot be read: Is a directory"),
        (as_text, "is damaged, or no export"),
        (with_flipped_bits, "is damaged, or no export"),
    ],
)
def test_what_is_no_export_is_refused(
    whole: Path, spoil: Callable[[Path], None], says: str
) -> None:
    spoil(whole)
    assert_refused(invoked("audit", "verify", str(whole)), says)


@pytest.mark.parametrize(
    "odd",
    [
        [1],
        "end",
        {"checkpoint": None},
        {"checkpoint": {"size": 1}},
        {"tile": None},
        {"tile": "x"},
        {"event": ["team-a", 1]},
        {"event": ["team-a", 1, "first", "team.created", ""]},
        {"usage": 1, "lines": 7},
    ],
)
def test_a_line_of_another_shape_is_refused(tmp_path: Path, odd: object) -> None:
    file = packed(tmp_path / "odd.gz", HEADER, odd, {"end": 2})
    assert_refused(invoked("audit", "verify", str(file)), "")


@pytest.mark.parametrize("spans", [None, [1], [[0, "events", 1]], [[0, "events", 1, "x", 1]]])
def test_a_header_of_another_shape_is_refused(tmp_path: Path, spans: Any) -> None:  # noqa: ANN401
    file = packed(tmp_path / "odd.gz", HEADER | {"spans": spans}, {"end": 1})
    assert_refused(invoked("audit", "verify", str(file)), "the header cannot be used")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (without, "cannot be read: No such file or directory"),
        (as_directory, "cannot be read: Is a directory"),
        (as_text, "holds no checkpoint"),
        (lambda path: path.write_bytes(b""), "holds no checkpoint"),
        (lambda path: path.write_bytes(b"\xff\xfe\n\n\xff"), "holds no checkpoint"),
    ],
)
def test_a_file_without_checkpoints_proves_nothing(
    whole: Path, tmp_path: Path, spoil: Callable[[Path], object], says: str
) -> None:
    kept = tmp_path / "notes.txt"
    kept.touch()
    spoil(kept)
    assert_refused(invoked("audit", "verify", str(whole), "--checkpoint", str(kept)), says)


@pytest.mark.parametrize("key", ["", "nonsense", "teamledger/log+00+AAAA"])
def test_what_is_no_verifier_key_is_refused(whole: Path, key: str) -> None:
    assert_refused(invoked("audit", "verify", str(whole), "--key", key), "this is no verifier key")


def test_nothing_but_a_file_is_replaced(tmp_path: Path) -> None:
    """A link to standard output, say, or a device."""
    pipe, folder = tmp_path / "pipe", tmp_path / "folder"
    os.mkfifo(pipe)
    folder.mkdir()
    for place in (pipe, folder):
        with pytest.raises(export.Unwritable, match="is no regular file"):
            export.write(place, iter([HEADER]))
        with (
            pytest.raises(ArchiveError, match="is no regular file"),
            written_archive(place, force=True),
        ):
            pass
    assert (pipe.is_fifo(), folder.is_dir()) == (True, True)
    assert sorted(tmp_path.iterdir()) == [folder, pipe]


def test_whoever_names_a_link_means_what_it_leads_to(whole: Path, tmp_path: Path) -> None:
    link = tmp_path / "latest"
    link.symlink_to(whole)
    before = whole.stat().st_ino
    export.write(link, iter([HEADER]))
    assert (link.is_symlink(), whole.stat().st_ino == before) == (True, False)


def test_a_place_without_a_directory_is_told_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(export.Unwritable, match="No such file or directory"):
        export.check_writable(tmp_path / "nowhere" / "audit.jsonl.gz")
    assert list(tmp_path.iterdir()) == []
