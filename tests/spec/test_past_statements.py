"""How a statement about the present becomes one about the past: what it names is given to it."""

import pytest

from services.projection.past.tables import rewritten


def test_a_table_is_the_rows_that_are_as_they_were_and_those_made_anew() -> None:
    assert rewritten(b"SELECT team_id FROM read.teams_1 WHERE true") == (
        b"WITH past_teams_1 AS NOT MATERIALIZED (SELECT l.* FROM read.teams_1 l WHERE NOT EXISTS "
        b"(SELECT FROM pg_temp.touched x WHERE x.kind = 'team' AND x.id = l.team_id) "
        b"UNION ALL SELECT * FROM pg_temp.teams_1) SELECT team_id FROM past_teams_1 WHERE true"
    )


def test_a_table_that_only_grows_is_cut() -> None:
    text = rewritten(b"SELECT FROM read.spend_marks_1 s").decode()
    assert "position <= (SELECT g.position FROM pg_temp.groups g)" in text
    assert text.endswith("SELECT FROM past_spend_marks_1 s")


@pytest.mark.parametrize(
    ("given", "begins", "ends"),
    [
        (b"WITH a AS (SELECT 1) SELECT FROM read.groups", b"WITH past_groups AS ", b", a AS (S"),
        (
            b" WITH RECURSIVE a AS (SELECT 1) SELECT FROM read.groups",
            b"WITH RECURSIVE past_groups AS ",
            b"), a AS (SELECT 1) SELECT FROM past_groups",
        ),
    ],
)
def test_what_a_statement_gives_itself_stays(given: bytes, begins: bytes, ends: bytes) -> None:
    assert rewritten(given).startswith(begins)
    assert ends in rewritten(given)


@pytest.mark.parametrize(
    "statement",
    [
        b"SELECT FROM usage.records",
        b"SELECT 'read.keys_1'::regclass",
        b"SELECT spread.x FROM spread",
        b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    ],
)
def test_what_names_no_table_of_the_past_stays_as_it_is(statement: bytes) -> None:
    assert rewritten(statement) == statement


def test_a_table_without_a_past_cannot_be_asked() -> None:
    with pytest.raises(KeyError, match="made_up_1"):
        rewritten(b"SELECT FROM read.made_up_1")
