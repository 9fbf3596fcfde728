"""How hashes are kept: tiles of up to 256 of them, every eighth level of the tree.

A tile at level n holds the hashes of complete subtrees of 256**n leaves; whatever lies between is
hashed again when it is asked for. So a tree of a million leaves is 3,923 tiles of 8 KiB at most.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.proof.tree import Node, node_hash

WIDTH, HEIGHT, HASH = 256, 8, 32
TileName = tuple[int, int]
"""Level and number of a tile."""


@dataclass(slots=True)
class Frontier:
    """The unfinished tile of each level: all that appending needs.

    `changed` are the tiles that are to be written, those that were finished meanwhile included.
    """

    size: int = 0
    open: dict[int, bytes] = field(default_factory=dict)
    changed: dict[TileName, bytes] = field(default_factory=dict)

    def append(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes in their order."""
        for leaf in leaves:
            self._add(0, self.size // WIDTH, leaf)
            self.size += 1

    def _add(self, level: int, number: int, new: bytes) -> None:
        hashes = self.open.get(level, b"") + new
        self.changed[level, number] = hashes
        if len(hashes) < WIDTH * HASH:
            self.open[level] = hashes
            return
        self.open[level] = b""
        self._add(level + 1, number // WIDTH, subtree(hashes))


def subtree(hashes: bytes) -> bytes:
    """The hash over a run of hashes whose number is a power of two."""
    row = [hashes[at : at + HASH] for at in range(0, len(hashes), HASH)]
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def open_tiles(size: int) -> list[TileName]:
    """The unfinished tiles of a tree of `size` leaves."""
    names, level = [], 0
    while size:
        if size % WIDTH:
            names.append((level, size // WIDTH))
        size, level = size // WIDTH, level + 1
    return names


def place_of(level: int, index: int) -> tuple[TileName, slice]:
    """Which tile, and which of its bytes, a complete subtree's hash is made from."""
    row, within = divmod(level, HEIGHT)
    first = index << within
    number, at = divmod(first, WIDTH)
    return (row, number), slice(at * HASH, (at + (1 << within)) * HASH)


def nodes_of(tiles: Mapping[TileName, bytes]) -> Node:
    """The nodes of a tree whose tiles are at hand; KeyError for one that is not."""

    def node(level: int, index: int) -> bytes:
        name, part = place_of(level, index)
        return subtree(tiles[name][part])

    return node


class Wanted:
    """A tree that has no hashes: notes which tiles a question about it would read."""

    def __init__(self) -> None:
        self.names: set[TileName] = set()

    def node(self, level: int, index: int) -> bytes:
        """Any hash will do."""
        self.names.add(place_of(level, index)[0])
        return bytes(HASH)
