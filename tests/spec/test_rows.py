"""Pending rows: what each operation does to the table, in one batch or over several."""

from collections.abc import Callable

import psycopg
import pytest

from services.projection.rows import Rows, Table
from tests.support.rows import THINGS, state, things, write

A, B, C = ("a", 1), ("a", 2), ("b", 1)
Step = Callable[[Rows], None]


def put(rows: Rows) -> None:
    rows.put(A, note="first", amount=1, document={"x": 1, "y": [2]})


async def after(url: str, *batches: list[Step]) -> dict[tuple[str, int], dict[str, object]]:
    pending = []
    for steps in batches:
        rows = Rows(THINGS)
        for step in steps:
            step(rows)
        pending.append(rows)
    with things(url) as conn:
        await write(url, pending)
        return state(conn)


def together_and_apart(*steps: Step) -> list[list[list[Step]]]:
    return [[list(steps)], [[step] for step in steps]]


async def test_put_makes_the_whole_row(database_url: str) -> None:
    def again(rows: Rows) -> None:
        rows.put(A, note="second", document=None)

    found = await after(database_url, [put], [again])
    assert found == {A: {"note": "second", "amount": None, "document": None}}


@pytest.mark.parametrize("together", [True, False])
async def test_change_sets_only_what_it_names(database_url: str, *, together: bool) -> None:
    def change(rows: Rows) -> None:
        rows.change(A, note=None)

    found = await after(database_url, *together_and_apart(put, change)[not together])
    assert found == {A: {"note": None, "amount": 1, "document": {"x": 1, "y": [2]}}}


@pytest.mark.parametrize("together", [True, False])
async def test_merge_patches_top_level_keys(database_url: str, *, together: bool) -> None:
    def merge(rows: Rows) -> None:
        rows.merge(A, "document", {"y": None, "z": {"deep": "ü\\\"'"}}, ["x", "absent"])

    found = await after(database_url, *together_and_apart(put, merge)[not together])
    assert found[A]["document"] == {"y": None, "z": {"deep": "ü\\\"'"}}


@pytest.mark.parametrize("together", [True, False])
async def test_a_later_merge_wins_over_an_earlier_one(database_url: str, *, together: bool) -> None:
    def one(rows: Rows) -> None:
        rows.merge(A, "document", {"a": 1, "b": 1}, ["x", "y"])

    def two(rows: Rows) -> None:
        rows.merge(A, "document", {"x": 9, "b": 2}, ["a"])

    batches = together_and_apart(one, two)[not together]
    found = await after(database_url, [put], *batches)
    assert found[A]["document"] == {"x": 9, "b": 2}


@pytest.mark.parametrize("together", [True, False])
async def test_amounts_add_up_and_null_is_zero(database_url: str, *, together: bool) -> None:
    def add(rows: Rows) -> None:
        rows.add(A, "amount", 5)
        rows.add(B, "amount", -2)

    def other(rows: Rows) -> None:
        rows.put(B, note="without")

    found = await after(database_url, *together_and_apart(put, other, add, add)[not together])
    assert (found[A]["amount"], found[B]["amount"]) == (11, -4)


@pytest.mark.parametrize("together", [True, False])
async def test_a_value_that_is_set_forgets_what_came_before(
    database_url: str, *, together: bool
) -> None:
    def build(rows: Rows) -> None:
        rows.add(A, "amount", 5)
        rows.merge(A, "document", {"z": 1})

    def change(rows: Rows) -> None:
        rows.change(A, amount=100, document={"new": True})

    batches = together_and_apart(build, change, build)[not together]
    found = await after(database_url, [put], *batches)
    assert (found[A]["amount"], found[A]["document"]) == (105, {"new": True, "z": 1})


@pytest.mark.parametrize("together", [True, False])
async def test_what_is_not_there_cannot_be_changed(database_url: str, *, together: bool) -> None:
    def change(rows: Rows) -> None:
        rows.change(C, note="nobody")
        rows.merge(C, "document", {"x": 1})
        rows.add(C, "amount", 1)

    def delete(rows: Rows) -> None:
        rows.delete(A)
        rows.change(A, note="gone")

    assert await after(database_url, *together_and_apart(put, change, delete)[not together]) == {}


@pytest.mark.parametrize("together", [True, False])
async def test_clear_removes_all_rows_of_a_prefix(database_url: str, *, together: bool) -> None:
    def more(rows: Rows) -> None:
        rows.put(B, note="b")
        rows.put(C, note="c")

    def clear(rows: Rows) -> None:
        rows.clear(place="a")
        rows.change(A, note="too late")
        rows.put(B, note="anew")

    found = await after(database_url, *together_and_apart(put, more, clear)[not together])
    assert {key: row["note"] for key, row in found.items()} == {B: "anew", C: "c"}


async def test_many_rows_are_written_in_portions(database_url: str) -> None:
    rows = Rows(THINGS)
    for number in range(2_500):
        rows.put(("many", number), amount=number)
    with things(database_url) as conn:
        await write(database_url, [rows])
        assert len(state(conn)) == 2_500


async def test_a_row_may_leave_a_unique_index_that_its_successor_enters(database_url: str) -> None:
    first, second = Rows(THINGS), Rows(THINGS)
    first.put(A, note="live")
    second.change(A, note=None)
    second.put(B, note="live")
    with things(database_url) as conn:
        conn.execute("CREATE UNIQUE INDEX ON read.things_1 (note)")
        await write(database_url, [first, second])
        assert {key: row["note"] for key, row in state(conn).items()} == {A: None, B: "live"}


async def test_append_only_rows_are_copied_once(database_url: str) -> None:
    table = Table("things_1", THINGS.key, THINGS.columns, append_only=True)
    rows = Rows(table)
    rows.put(A, note="tab\tand \\ and\nline", document={"k": ["\u2028"]})
    rows.put(B, note=None)
    with things(database_url) as conn:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as own:
            await rows.append(own.cursor())
            await rows.write(own.cursor())
            with pytest.raises(psycopg.errors.UniqueViolation):
                await rows.append(own.cursor())
        found = state(conn)
    assert found[A] == {
        "note": "tab\tand \\ and\nline",
        "amount": None,
        "document": {"k": ["\u2028"]},
    }
    assert found[B] == {"note": None, "amount": None, "document": None}
