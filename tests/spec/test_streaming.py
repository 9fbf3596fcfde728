"""Large answers, written piece by piece: the same JSON as if it were made at once."""

import json
from collections.abc import AsyncIterator, Sequence

import pytest

from services.projection.api.streaming import Items, pieces


async def chunked(*chunks: Sequence[object]) -> AsyncIterator[Sequence[object]]:
    for chunk in chunks:
        yield chunk


async def written(value: object) -> list[bytes]:
    return [piece async for piece in pieces(value)]


@pytest.mark.parametrize(
    ("chunks", "whole"),
    [
        ((), []),
        (([],), []),
        (([1],), [1]),
        (([1, 2], [], [{"a": [3]}]), [1, 2, {"a": [3]}]),
        (([], ["x"], []), ["x"]),
    ],
)
async def test_an_array_is_whole_however_it_is_cut(
    chunks: tuple[list[object], ...], whole: list[object]
) -> None:
    assert json.loads(b"".join(await written(Items(chunked(*chunks))))) == whole


async def test_items_may_stand_anywhere_within_objects_and_keep_their_place() -> None:
    content = {
        "before": {"not": ["streamed"]},
        "inside": {"name": 'quoted "', "items": Items(chunked([1], [2, 3]))},
        "items": Items(chunked()),
        "after": None,
    }
    text = b"".join(await written(content))
    assert json.loads(text) == {
        "before": {"not": ["streamed"]},
        "inside": {"name": 'quoted "', "items": [1, 2, 3]},
        "items": [],
        "after": None,
    }
    assert list(json.loads(text)) == list(content)


async def test_what_holds_no_items_is_one_piece() -> None:
    assert await written({"a": {"b": [1]}}) == [b'{"a":{"b":[1]}}']


async def test_a_chunk_is_written_before_the_next_is_asked_for() -> None:
    asked: list[int] = []

    async def counted() -> AsyncIterator[Sequence[object]]:
        for number in range(3):
            asked.append(number)
            yield [number]

    stream = pieces(Items(counted()))
    assert await anext(stream) == b"[0"
    assert asked == [0]
