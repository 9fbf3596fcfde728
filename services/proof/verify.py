"""Verifying that a log gives the leaves, and the leaves the roots that were signed.

A difference names the first event or batch at which it shows. What came after the last checkpoint
is compared with the tree, which nobody has signed.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.proof.checkpoint import BadCheckpoint, Checkpoint, opened, public_key
from services.proof.export import FORMAT, BadExport, Line, data_of
from services.proof.log import EVENTS, Batch, event_hash, usage_hash
from services.proof.tiles import HASH, Frontier, nodes_of
from services.proof.tree import root_hash

_HASHES = "tile"
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError, struct.error)


@dataclass(slots=True)
class Verdict:
    """`problem` names the first difference; None if everything is proved up to `proved`."""

    size: int = 0
    events: int = 0
    batches: int = 0
    checkpoints: int = 0
    proved: Checkpoint | None = None
    problem: str | None = None


@dataclass(slots=True)
class _Sealed:
    """What the export says was sealed: leaf hashes, and where in the tree each kind stands."""

    publics: tuple[Ed25519PublicKey, ...]
    size: int
    spans: list[list[Any]]
    hashes: bytearray = field(default_factory=bytearray)
    checkpoints: list[Checkpoint] = field(default_factory=list)

    def leaf(self, index: int) -> bytes:
        return bytes(self.hashes[index * HASH : (index + 1) * HASH])

    def kind_of(self, index: int) -> str:
        found = [span for span in self.spans if span[0] <= index]
        return str(found[-1][1]) if found else ""


def verify(
    lines: Iterator[Line], *, trusted: Sequence[str] = (), verifiers: Sequence[str] = ()
) -> Verdict:
    """Read an export to its end; `trusted` are notes kept elsewhere, `verifiers` keys to trust.

    Without any the export's own is used, which proves nothing about who made it. Raises
    BadExport, and BadCheckpoint for what is no key, or a trusted note that none of them signed.
    """
    lines = iter(lines)
    sealed = _begun(next(lines, {}), [public_key(text) for text in verifiers])
    kept = [opened(note, *sealed.publics) for note in trusted]
    verdict = Verdict(size=sealed.size)
    try:
        first = _read_sealed(sealed, lines)
        verdict.problem = _tree_problem(sealed, kept, verdict)
        if verdict.problem is None:
            verdict.problem = _log_problem(sealed, first, lines, verdict)
    except BadCheckpoint as error:
        verdict.problem = str(error)
    for _ in lines:  # a cut off file is told whatever was found in it
        pass
    if verdict.problem is None and sealed.checkpoints:
        verdict.proved = sealed.checkpoints[-1]
    return verdict


def _begun(line: Line, known: Sequence[Ed25519PublicKey]) -> _Sealed:
    if line.get("format") != FORMAT:
        raise BadExport(f"this is no export of format {FORMAT}")
    try:
        publics = known or [public_key(str(line["verifier"]))]
        spans = [
            [int(leaf), str(kind), int(first), int(last), int(leaves)]
            for leaf, kind, first, last, leaves in line["spans"]
        ]
        return _Sealed(tuple(publics), int(line["size"]), spans)
    except _UNREADABLE as error:
        raise BadExport(f"the header cannot be used: {error}") from None


def _read_sealed(sealed: _Sealed, lines: Iterator[Line]) -> Line | None:
    """Checkpoints and hashes; returns the first line of the log."""
    for line in lines:
        try:
            if "checkpoint" in line:
                sealed.checkpoints.append(opened(line["checkpoint"], *sealed.publics))
            elif _HASHES in line:
                sealed.hashes += data_of(line[_HASHES])
            else:
                return line
        except BadCheckpoint:
            raise
        except _UNREADABLE as error:
            raise BadExport(f"a line before the log cannot be read: {error}") from None
    return None


def _tree_problem(sealed: _Sealed, kept: list[Checkpoint], verdict: Verdict) -> str | None:
    """The first checkpoint whose root the leaf hashes do not give."""
    if len(sealed.hashes) != sealed.size * HASH:
        return f"the tree has {len(sealed.hashes) // HASH} leaf hashes instead of {sealed.size}"
    points = sorted([*kept, *sealed.checkpoints], key=lambda point: point.size)
    frontier, tiles, good = Frontier(), {}, 0
    for point in points:
        if point.size > sealed.size:
            return (
                f"a checkpoint of {point.time:%Y-%m-%d %H:%M:%S} covers {point.size} leaves, and "
                f"the log has {sealed.size}: it was cut off after event {_last_event(sealed)}"
            )
        frontier.append(sealed.leaf(index) for index in range(frontier.size, point.size))
        tiles.update(frontier.changed)
        frontier.changed.clear()
        if root_hash(point.size, nodes_of(tiles)) != point.root:
            return (
                f"the tree was changed: leaves {good} to {point.size - 1} do not give the root "
                f"that was signed at {point.time:%Y-%m-%d %H:%M:%S} (up to event {point.events})"
            )
        good = point.size
        verdict.checkpoints += 1
    return None


def _last_event(sealed: _Sealed) -> int:
    return max((span[3] for span in sealed.spans if span[1] == EVENTS), default=0)


def _log_problem(
    sealed: _Sealed, first: Line | None, lines: Iterator[Line], verdict: Verdict
) -> str | None:
    """The first line of the log that does not give its leaf."""
    expected = 0
    index = 0
    line = first
    while line is not None:
        what, leaf = _leaf(line)
        if "event" in line:
            expected += 1
            verdict.events += 1
            if (problem := _place(line["event"], expected)) is not None:
                return problem
        else:
            verdict.batches += 1
        if index >= sealed.size:
            return f"{what} has no leaf in the tree"
        if leaf != sealed.leaf(index):
            return _different(sealed, index, what, leaf)
        index += 1
        line = next(lines, None)
    if index < sealed.size:
        return f"the log ends after {index} of {sealed.size} leaves: the rest was removed"
    return None


def _place(event: list[Any], expected: int) -> str | None:
    position = event[2]
    if position == expected:
        return None
    if position > expected:
        return f"event {expected} was removed: event {position} comes in its place"
    return f"event {position} stands where event {expected} should: it was reordered or inserted"


def _different(sealed: _Sealed, index: int, what: str, leaf: bytes) -> str:
    at = sealed.hashes.find(leaf)
    if at >= 0 and at % HASH == 0:
        return f"{what} was moved: it stands at leaf {index} and was sealed at leaf {at // HASH}"
    return f"{what} was changed since it was sealed as leaf {index} ({sealed.kind_of(index)})"


def _leaf(line: Line) -> tuple[str, bytes]:
    try:
        if "event" in line:
            stream, version, position, topic, state = line["event"]
            named = f"event {position} ({topic}, {stream} version {version})"
            return named, event_hash((stream, version, position, topic, data_of(state)))
        batch = Batch(line["usage"], line["lines"])
        return f"the batch of usage up to {batch.position}", usage_hash(batch)
    except _UNREADABLE as error:
        raise BadExport(f"a line of the log cannot be read: {error}") from None
