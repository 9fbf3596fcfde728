"""Whatever the history and wherever its batches are cut, the read models end the same."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.database.embedded import EmbeddedServer
from services.projection.rows import Rows
from tests.support.eventlog import create_read, owner
from tests.support.histories import Story, stories
from tests.support.postgres import fresh_database
from tests.support.projected import contents, empty, everything, project
from tests.support.rows import THINGS, State, state, things, write

KEYS = st.sampled_from([("a", 0), ("a", 1), ("b", 0)])
NAMES = st.sampled_from("xyz")
DOCUMENTS = st.dictionaries(NAMES, st.none() | st.integers(0, 3), max_size=3)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "note": st.none() | st.text("ab'\\é", max_size=3),
        "amount": st.none() | st.integers(-5, 5),
        "document": st.none() | DOCUMENTS,
    },
)
OPERATIONS = st.one_of(
    st.tuples(st.just("put"), KEYS, VALUES),
    st.tuples(st.just("change"), KEYS, VALUES),
    st.tuples(st.just("merge"), KEYS, st.tuples(DOCUMENTS, st.lists(NAMES, max_size=2))),
    st.tuples(st.just("add"), KEYS, st.integers(-3, 3)),
    st.tuples(st.just("delete"), KEYS, st.none()),
    st.tuples(st.just("clear"), KEYS, st.sampled_from(["place", "number"])),
    st.tuples(
        st.just("change where"), KEYS, st.tuples(st.none() | st.integers(-2, 2), st.integers(0, 5))
    ),
)
Operation = tuple[str, tuple[str, int], Any]
FEW = settings(max_examples=25, deadline=None)
MANY = settings(max_examples=120, deadline=None)


@pytest.fixture(scope="module")
def shared_url(postgres_server: EmbeddedServer) -> Iterator[str]:
    """One database for all examples of this module."""
    with fresh_database(postgres_server) as url:
        create_read(url)
        yield url


@pytest.fixture(scope="module")
def table(shared_url: str) -> Iterator[psycopg.Connection[Any]]:
    with things(shared_url) as conn:
        yield conn


@pytest.fixture(scope="module")
def read(shared_url: str) -> Iterator[psycopg.Connection[Any]]:
    with owner(shared_url) as conn:
        yield conn


def cut(items: Sequence[Any], cuts: Sequence[int]) -> list[Sequence[Any]]:
    places = sorted({0, len(items), *(place % (len(items) + 1) for place in cuts)})
    return [items[start:end] for start, end in pairwise(places)]


def ask(rows: Rows, operation: Operation) -> None:
    match operation:
        case "put", key, values:
            rows.put(key, **values)
        case "change", key, values:
            rows.change(key, **values)
        case "merge", key, (patch, removed):
            rows.merge(key, "document", patch, removed)
        case "add", key, amount:
            rows.add(key, "amount", amount)
        case "delete", key, _:
            rows.delete(key)
        case "clear", key, name:
            rows.clear(**{name: dict(zip(THINGS.key, key, strict=True))[name]})
        case "change where", (place, _), (before, after):
            rows.change_where({"place": place, "amount": before}, amount=after, note="by amount")


def clear(table: State, key: tuple[str, int], place: int) -> None:
    for other in [other for other in table if other[place] == key[place]]:
        del table[other]


def change_where(table: State, place: str, before: int | None, after: int) -> None:
    for key, row in table.items():
        if key[0] == place and row["amount"] == before:
            row |= {"amount": after, "note": "by amount"}


def happen(table: State, operation: Operation) -> None:
    """The same on a dictionary, one by one, as the documentation has it."""
    kind, key, value = operation
    if kind == "change where":
        change_where(table, key[0], *value)
    elif kind == "put":
        table[key] = {"note": None, "amount": None, "document": None, **value}
    elif kind == "clear":
        clear(table, key, list(THINGS.key).index(value))
    elif kind == "delete":
        table.pop(key, None)
    elif key in table and kind == "change":
        table[key] |= value
    elif key in table and kind == "add":
        table[key]["amount"] = (table[key]["amount"] or 0) + value
    elif key in table:
        kept = {k: v for k, v in (table[key]["document"] or {}).items() if k not in value[1]}
        table[key]["document"] = kept | value[0]


@MANY
@given(st.lists(OPERATIONS, min_size=5, max_size=40), st.lists(st.integers(0, 100), max_size=4))
def test_rows_end_as_if_operations_came_one_by_one(
    table: psycopg.Connection[Any],
    shared_url: str,
    operations: list[Operation],
    cuts: list[int],
) -> None:
    expected: State = {}
    batches = []
    for batch in cut(operations, cuts):
        rows = Rows(THINGS)
        for operation in batch:
            happen(expected, operation)
            ask(rows, operation)
        batches.append(rows)
    table.execute("TRUNCATE read.things_1")
    asyncio.run(write(shared_url, batches))
    assert state(table) == expected


@MANY
@given(st.lists(OPERATIONS, min_size=5, max_size=40), st.lists(st.integers(0, 100), max_size=4))
def test_rows_settle_without_a_table(operations: list[Operation], cuts: list[int]) -> None:
    expected: State = {}
    settled: State = {}
    for batch in cut(operations, cuts):
        rows = Rows(THINGS)
        for operation in batch:
            happen(expected, operation)
            ask(rows, operation)
        settled = rows.settled(settled)
    columns = dict.fromkeys(THINGS.columns)
    assert {key: columns | row for key, row in settled.items()} == expected


@FEW
@given(stories(), st.lists(st.integers(0, 1_000), max_size=5))
def test_any_cut_at_commands_gives_the_same_read_models(
    read: psycopg.Connection[Any], shared_url: str, story: Story, cuts: list[int]
) -> None:
    empty(read)
    asyncio.run(project(shared_url, story.commands))
    one_by_one = everything(read)
    empty(read)
    batches = [[at for command in batch for at in command] for batch in cut(story.commands, cuts)]
    asyncio.run(project(shared_url, batches))
    assert everything(read) == one_by_one


@FEW
@given(stories())
def test_read_models_hold_what_has_happened(
    read: psycopg.Connection[Any], shared_url: str, story: Story
) -> None:
    empty(read)
    asyncio.run(project(shared_url, [[at for command in story.commands for at in command]]))
    teams = {
        (row["team_id"], row["incarnation"]): (
            row["team_alias"],
            row["settings"]["team_alias"],
            row["metadata"],
            row["blocked"],
            row["members_total"],
            row["deleted_at"] is not None,
        )
        for row in contents(read, "teams_1")
    }
    assert teams == {
        place: (t.alias, t.alias, t.metadata, t.blocked, len(t.members), t.deleted)
        for place, t in story.teams.items()
    }
    members = {
        (row["team_id"], row["incarnation"], row["user_id"]): row["role"]
        for row in contents(read, "memberships_1")
    }
    assert members == {
        (*place, user_id): role
        for place, team in story.teams.items()
        for user_id, role in team.members.items()
    }
    assert len(contents(read, "audit_1")) == len(story.commands)
