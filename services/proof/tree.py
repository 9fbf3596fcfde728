"""The Merkle tree of RFC 9162, section 2.1: SHA-256, proofs of inclusion and of consistency.

Proofs are made from hashes of complete subtrees, however those are kept; verifying needs nothing
but the proof. Everything here is pure.
"""

import hashlib
from collections.abc import Callable, Sequence

Node = Callable[[int, int], bytes]
"""(level, index) -> hash of the complete subtree over leaves index * 2**level and following."""

EMPTY = hashlib.sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of one entry."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_hash(size: int, node: Node) -> bytes:
    """The hash of the tree over the first `size` leaves (2.1.1)."""
    return _hash(0, size, node) if size else EMPTY


def inclusion_path(index: int, size: int, node: Node) -> list[bytes]:
    """Proves that leaf `index` is in the tree of `size` leaves (2.1.3.1); ValueError if it is not.

    The nearest sibling comes first.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_hash(middle, high, node))
            high = middle
        else:
            path.append(_hash(low, middle, node))
            low = middle
    return path[::-1]


def consistency_path(old: int, new: int, node: Node) -> list[bytes]:
    """Proves that the tree of `new` leaves begins with that of `old` (2.1.4.1).

    ValueError unless 0 < old <= new.
    """
    if not 0 < old <= new:
        raise ValueError(f"a tree of {new} leaves cannot continue one of {old}")
    path: list[bytes] = []
    low, high, whole = 0, new, True
    while old < high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_hash(middle, high, node))
            high = middle
        else:
            path.append(_hash(low, middle, node))
            low, whole = middle, False
    if not whole:
        path.append(_hash(low, high, node))
    return path[::-1]


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path proves that the leaf of this hash stands there (2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, current = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            current = node_hash(step, current)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            current = node_hash(current, step)
        place, last = place >> 1, last >> 1
    return last == 0 and current == root


def continues(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the path proves that the newer tree begins with the older one (2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not steps:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    older = newer = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            older, newer = node_hash(step, older), node_hash(step, newer)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            newer = node_hash(newer, step)
        place, last = place >> 1, last >> 1
    return last == 0 and older == old_root and newer == new_root


def _split(leaves: int) -> int:
    """The largest power of two below a number of leaves above one."""
    return 1 << (leaves - 1).bit_length() - 1


def _hash(low: int, high: int, node: Node) -> bytes:
    leaves = high - low
    if leaves & (leaves - 1) == 0 and low % leaves == 0:
        return node(leaves.bit_length() - 1, low // leaves)
    middle = low + _split(leaves)
    return node_hash(_hash(low, middle, node), _hash(middle, high, node))
