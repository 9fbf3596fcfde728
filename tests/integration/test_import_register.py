"""`teamledger import-litellm`: what each defect of the register leaves behind is kept or said."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from services.database.embedded import EmbeddedServer
from tests.support.litellm_database import LiteLLM
from tests.support.litellm_import import of, run
from tests.support.litellm_register import TRACES, Trace, fill_with_traces
from tests.support.postgres import fresh_database
from tests.support.stored import StoredFact, stored_facts

Report = dict[str, Any]


@pytest.fixture(scope="module")
def imported(postgres_server: EmbeddedServer) -> Iterator[tuple[Report, Report, list[StoredFact]]]:
    """What a rehearsal says, what the import says, and what it records."""
    with fresh_database(postgres_server) as source, fresh_database(postgres_server) as target:
        with psycopg.connect(source, autocommit=True) as conn:
            db = LiteLLM(conn)
            db.create()
            fill_with_traces(db)
        _, rehearsed = run(source, target, "--dry-run")
        _, report = run(source, target)
        yield rehearsed, report, stored_facts(target)


@pytest.mark.parametrize("trace", TRACES, ids=str)
def test_what_a_defect_left_behind_is_said(
    imported: tuple[Report, Report, list[StoredFact]], trace: Trace
) -> None:
    said = of(imported[1], trace.of)
    assert {what: sort for what, (sort, _) in said.items()} == {
        what: sort for what, (sort, _) in trace.said.items()
    }
    for what, (_, why) in trace.said.items():
        assert why in said[what][1]


def test_nothing_else_is_said_and_a_rehearsal_says_the_same(
    imported: tuple[Report, Report, list[StoredFact]],
) -> None:
    rehearsed, report, _ = imported
    expected = sorted((trace.of, what) for trace in TRACES for what in trace.said)
    assert sorted((entry["id"], entry["what"]) for entry in report["entries"]) == expected
    assert rehearsed["kinds"] == report["kinds"]
    assert rehearsed["entries"] == report["entries"]


def settings(facts: list[StoredFact], stream: str) -> dict[str, Any]:
    """What the first fact of a stream says the thing is."""
    [first, *_] = [fact.data for fact in facts if fact.stream == stream]
    found: dict[str, Any] = first["settings"]
    return found


def test_what_is_kept_is_kept_as_it_works(
    imported: tuple[Report, Report, list[StoredFact]],
) -> None:
    facts = imported[2]
    assert settings(facts, "team-d17")["member_permissions"] == ["/key/info"]
    assert settings(facts, "team-d24")["models"] == ["a", "b"]
    assert settings(facts, "team-d05")["budget"]["max_budget"] == "20.0"
    limits = [
        fact.data["limits"]
        for fact in facts
        if (fact.stream, fact.topic) == ("team-d11", "team.member_added")
    ]
    assert [own["budget_id"] for own in limits] == ["team-d11-budget"] * 2
