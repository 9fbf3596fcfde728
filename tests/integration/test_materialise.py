"""Past states and exports as read models of their own, for SQL, and one thing as it was."""

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import Result

from services.cli.destination import claimed
from services.database.embedded import EmbeddedServer
from services.proof import export
from tests.golden_store import append_golden, golden_history
from tests.support.command_line import invoked
from tests.support.eventlog import create_read, create_store, owner
from tests.support.groups import process
from tests.support.postgres import fresh_database
from tests.support.projected import TABLES
from tests.support.sealed import exported, sealing
from tests.support.service import MASTER_KEY, on_database

HISTORY = golden_history()
EMPTY = {"users_1": ("email", "email_lower", "user_alias")}


def position_of(topic: str) -> int:
    return next(row.position for row in HISTORY if row.topic == topic)


WITH_MEMBERS = position_of("team.member_removed") - 1


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedServer) -> Iterator[str]:
    """A store with every golden fact, and read models that have not begun."""
    with fresh_database(postgres_server) as address:
        create_store(address)
        create_read(address)
        append_golden(address, HISTORY)
        yield address


@pytest.fixture
def other(postgres_server: EmbeddedServer) -> Iterator[str]:
    """Another database, empty."""
    with fresh_database(postgres_server) as address:
        yield address


def run(url: str, *arguments: str) -> Result:
    env = {**on_database(url), "TEAMLEDGER_MASTER_KEY": MASTER_KEY}
    return invoked(*arguments, **env)


def done(url: str, *arguments: str) -> str:
    result = run(url, *arguments)
    assert (result.exit_code, "error: " in result.stderr) == (0, False), result.stderr
    return result.stdout


def rows(url: str, schema: str) -> dict[str, list[dict[str, Any]]]:
    """All that stands in the read models of a schema."""
    query = "SELECT to_jsonb(t) FROM {}.{} t ORDER BY to_jsonb(t)::text"
    with owner(url) as conn:
        return {
            table: [row for (row,) in conn.execute(query.format(schema, table).encode())]
            for table in TABLES
        }


async def followed(other: str, position: int) -> dict[str, list[dict[str, Any]]]:
    """What a service has that never saw more of the log, but for what it opens."""
    create_store(other)
    create_read(other)
    append_golden(other, HISTORY[:position])
    async with process(other) as live:
        await live.reach(position)
    found = rows(other, "read")
    for table, names in EMPTY.items():
        found[table] = [row | dict.fromkeys(names) for row in found[table]]
    return found


@pytest.mark.parametrize(
    "position", [WITH_MEMBERS, position_of("organization.deleted"), len(HISTORY)]
)
def test_a_past_state_is_what_was_followed_up_to_there(url: str, other: str, position: int) -> None:
    schema = f"at_{position}"
    told = done(url, "replay", "--until", str(position), "--into", schema)
    assert f"made up to position {position}" in told
    assert rows(url, schema) == asyncio.run(followed(other, position))
    with owner(url) as conn:
        kept = conn.execute(f"SELECT name, position FROM {schema}.groups".encode()).fetchall()
        indexes = (
            "SELECT count(*) FROM pg_indexes WHERE schemaname = %s AND tablename <> 'migrations'"
        )
        counts = [conn.execute(indexes, (name,)).fetchone() for name in (schema, "read")]
    assert kept == [("contract", position)]
    assert counts[0] == counts[1] != (0,)


def test_a_member_who_was_there_then_is_there(url: str) -> None:
    found = shown(url, "core", WITH_MEMBERS)
    [team], [member] = found["teams_1"], found["memberships_1"]
    assert (team["team_id"], team["members_total"], member["user_id"]) == ("core", 1, "ann")
    assert "memberships_1" not in shown(url, "core", WITH_MEMBERS + 1)


def shown(url: str, team: str, position: int) -> dict[str, Any]:
    state = json.loads(done(url, "replay", team, "--until", str(position), "--state"))
    assert state["position"] == position
    rows: dict[str, Any] = state["rows"]
    return rows


def test_a_time_means_everything_recorded_by_then(url: str) -> None:
    facts = [json.loads(line) for line in done(url, "replay", "--json").splitlines()]
    for fact in facts[:: len(facts) // 5]:
        listed = done(url, "replay", "--json", "--until", fact["recorded_at"]).splitlines()
        assert [json.loads(line)["position"] for line in listed] == list(
            range(1, fact["position"] + 1)
        )
    assert done(url, "replay", "--until", "1999-12-31") == "no facts match\n"
    assert run(url, "replay", "--until", "yesterday").exit_code == 2


def test_facts_are_shown_in_eighty_columns(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = done(url, "replay", "--until", "9").splitlines()
    heads = [line for line in lines if not line.startswith("    ")]
    assert len(heads) == 9
    assert heads[0].split()[0] == "1"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--state",),
        ("core", "--into", "x"),
        ("--state", "--into", "x"),
        ("core", "--state", "--actor", "ann"),
        ("--into", "x", "--since", "2026-01-01"),
    ],
)
def test_what_makes_no_sense_is_refused(url: str, arguments: tuple[str, ...]) -> None:
    result = run(url, "replay", *arguments)
    assert (result.exit_code, "Invalid value" in result.stderr) == (2, True)


@pytest.mark.parametrize("into", ["odd=1", "odd://secret@x", "postgresql://u:a@secret@h/d"])
def test_an_address_that_is_none_is_told_by_its_option(url: str, into: str) -> None:
    result = run(url, "replay", "--into", into)
    assert (result.exit_code, result.stderr.startswith("error: --into ")) == (2, True)
    assert "secret" not in result.stderr


def test_who_is_asked_to_end_leaves_nothing_of_what_was_begun(url: str) -> None:
    named = "SELECT count(*) FROM pg_namespace WHERE nspname = 'begun'"

    def broken_off() -> None:
        with claimed("begun", url):
            assert conn.execute(named).fetchone() == (1,)
            signal.raise_signal(signal.SIGTERM)

    with owner(url) as conn:
        with pytest.raises(SystemExit) as ended:
            broken_off()
        assert conn.execute(named).fetchone() == (0,)
    assert ended.value.code == 128 + signal.SIGTERM


def test_what_was_never_recorded_has_no_state(url: str) -> None:
    result = run(url, "replay", "nobody", "--state")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nothing was recorded of team-nobody" in result.stderr


@pytest.mark.parametrize("schema", ["read", "events", "pg_own", "taken", "x" * 64])
def test_no_schema_of_others_is_written_to(url: str, schema: str) -> None:
    with owner(url) as conn:
        conn.execute("CREATE SCHEMA IF NOT EXISTS taken")
    before = rows(url, "read")
    result = run(url, "replay", "--into", schema)
    assert (result.exit_code, result.stderr.startswith("error: ")) == (2, True)
    assert rows(url, "read") == before


def test_read_models_elsewhere_are_where_a_schema_is_made(url: str, other: str) -> None:
    elsewhere = {
        **on_database(url),
        "TEAMLEDGER_MASTER_KEY": MASTER_KEY,
        "TEAMLEDGER_READ_DATABASE_URL": other,
    }
    for arguments in (("rebuild", "--jobs", "2"), ("replay", "--into", "copy")):
        result = invoked(*arguments, **elsewhere)
        assert result.exit_code == 0, result.stderr
    served, copied = rows(other, "read"), rows(other, "copy")
    assert served.keys() == copied.keys()
    assert [t for t in served if served[t] != copied[t] and t not in EMPTY] == []
    with owner(other) as conn:
        kept = [f"SELECT position FROM {schema}.groups" for schema in ("read", "copy")]
        ends = [conn.execute(query.encode()).fetchall() for query in kept]
    assert ends == [[(len(HISTORY),)]] * 2


def test_an_odd_name_is_a_name(url: str) -> None:
    name = 'a "b"; DROP SCHEMA read'
    done(url, "replay", "--until", "5", "--into", name)
    with owner(url) as conn:
        conn.execute(psycopg.sql.SQL("DROP SCHEMA {} CASCADE").format(psycopg.sql.Identifier(name)))


async def seal(url: str) -> None:
    async with sealing(url) as work:
        await work.seal()


def test_an_export_makes_read_models_elsewhere(url: str, other: str, tmp_path: Path) -> None:
    asyncio.run(seal(url))
    file = exported(url, tmp_path / "audit.gz")
    told = done(url, "rebuild", "--from-file", str(file), "--into", other)
    assert f"proved by 1 checkpoints up to event {len(HISTORY)}" in told
    done(url, "replay", "--into", "all_of_it")
    assert rows(other, "read") == rows(url, "all_of_it")
    again = run(url, "rebuild", "--from-file", str(file), "--into", other)
    assert (again.exit_code, "holds read models up to position" in again.stderr) == (2, True)
    done(url, "rebuild", "--from-file", str(file), "--into", "from_file")
    assert rows(url, "from_file") == rows(url, "all_of_it")
    with owner(other) as conn:
        left = "SELECT count(*) FROM pg_tables WHERE tablename LIKE '%#%'"
        assert conn.execute(left).fetchone() == (0,)
        namespaces = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('events', 'ops')"
        assert conn.execute(namespaces).fetchone() == (0,)


def test_a_changed_export_makes_nothing(url: str, other: str, tmp_path: Path) -> None:
    asyncio.run(seal(url))
    lines = list(export.read(exported(url, tmp_path / "audit.gz")))
    for line in lines:
        if line.get("event", [None])[0] == "team-core":
            line["event"][3] = "team.blocked"
    export.write(tmp_path / "changed.gz", iter(lines))
    for into in (other, "changed"):
        result = run(url, "rebuild", "--from-file", str(tmp_path / "changed.gz"), "--into", into)
        assert (result.exit_code, "not as it was sealed" in result.stderr) == (2, True)
    with owner(url) as conn:
        query = "SELECT count(*) FROM pg_namespace WHERE nspname = 'changed'"
        assert conn.execute(query).fetchone() == (0,)
    assert not any(rows(other, "read").values())
    cut = tmp_path / "cut.gz"
    cut.write_bytes((tmp_path / "audit.gz").read_bytes()[:-40])
    result = run(url, "rebuild", "--from-file", str(cut), "--into", "cut")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
