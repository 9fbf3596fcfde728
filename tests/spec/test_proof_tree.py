"""The tree is that of RFC 9162, and its proofs prove what they say and nothing else."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.proof.tiles import Frontier, Wanted, nodes_of, open_tiles
from services.proof.tree import (
    EMPTY,
    consistency_path,
    continues,
    includes,
    inclusion_path,
    leaf_hash,
    root_hash,
)

# Entries and roots that the tests of Certificate Transparency logs have in common.
KNOWN = [
    ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
    ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
    (
        "5051525354555657",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    ),
    (
        "606162636465666768696a6b6c6d6e6f",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ),
]


def naive_root(leaves: list[bytes]) -> bytes:
    """Section 2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:half]) + naive_root(leaves[half:])).digest()


class Kept:
    """A tree appended in parts, whose tiles are kept like those of a database."""

    def __init__(self, leaves: list[bytes], part: int) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}
        for at in range(0, len(leaves), part):
            open_now = {level: self.tiles[level, number] for level, number in open_tiles(at)}
            frontier = Frontier(at, open_now)
            frontier.append(leaves[at : at + part])
            assert frontier.size == min(at + part, len(leaves))
            self.tiles |= frontier.changed
        self.node = nodes_of(self.tiles)


LEAVES = [leaf_hash(str(n).encode()) for n in range(1_500)]
WHOLE = Kept(LEAVES, 331)
SIZES = st.integers(1, len(LEAVES))


def test_roots_are_those_of_certificate_transparency() -> None:
    leaves = [leaf_hash(bytes.fromhex(entry)) for entry, _ in KNOWN]
    tree = Kept(leaves, 3)
    for size, (_, root) in enumerate(KNOWN, 1):
        assert root_hash(size, tree.node).hex() == root
    assert root_hash(0, tree.node) == EMPTY


@given(SIZES, st.integers(1, 600))
def test_the_root_is_that_of_the_definition_however_it_was_appended(size: int, part: int) -> None:
    assert root_hash(size, Kept(LEAVES[:size], part).node) == naive_root(LEAVES[:size])


@given(st.data(), SIZES)
def test_a_path_proves_one_leaf_at_one_place(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    root, path = naive_root(LEAVES[:size]), inclusion_path(index, size, WHOLE.node)
    assert includes(LEAVES[index], index, size, path, root)
    other = data.draw(st.integers(0, size - 1))
    assert includes(LEAVES[other], index, size, path, root) == (other == index)
    assert includes(LEAVES[index], other, size, path, root) == (other == index)
    assert not includes(LEAVES[index], index, size, [*path, root], root)
    assert not includes(LEAVES[index], index, size, path[:-1], root) or not path


@given(st.data(), SIZES)
def test_a_path_proves_that_a_tree_goes_on(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new))
    path = consistency_path(old, new, WHOLE.node)
    roots = naive_root(LEAVES[:old]), naive_root(LEAVES[:new])
    assert continues(old, roots[0], new, roots[1], path)
    assert not continues(old, EMPTY, new, roots[1], path)
    assert not continues(old, roots[0], new, EMPTY, path)
    if path:
        spoiled = [EMPTY, *path[1:]]
        assert not continues(old, roots[0], new, roots[1], spoiled)


def test_nothing_is_proved_of_what_is_not_there() -> None:
    for index, size in ((-1, 3), (3, 3), (0, 0)):
        with pytest.raises(ValueError, match="has no leaf"):
            inclusion_path(index, size, WHOLE.node)
    for old, new in ((0, 3), (4, 3)):
        with pytest.raises(ValueError, match="cannot continue"):
            consistency_path(old, new, WHOLE.node)


@given(st.data(), SIZES)
def test_a_question_names_the_tiles_it_reads(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    wanted = Wanted()
    inclusion_path(index, size, wanted.node)
    some = nodes_of({name: WHOLE.tiles[name] for name in wanted.names})
    assert inclusion_path(index, size, some) == inclusion_path(index, size, WHOLE.node)


def test_every_tile_is_named_once() -> None:
    for size, after in pairwise((0, 1, 255, 256, 257, 65_536, 65_537)):
        assert len(open_tiles(size)) <= 3, after
