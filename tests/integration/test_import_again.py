"""`teamledger import-litellm` once more, rehearsed, and from sources that differ or are none."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from services.database.embedded import EmbeddedServer
from tests.support.cli import invoked
from tests.support.litellm_database import COLUMNS, KEY, TEAM, USER, LiteLLM, fill, token
from tests.support.litellm_import import env, of, run
from tests.support.postgres import fresh_database
from tests.support.service import Start, on_database
from tests.support.stored import stored_facts

Two = tuple[str, LiteLLM, str]


@pytest.fixture
def two(postgres_server: EmbeddedServer) -> Iterator[Two]:
    """A filled source, and an empty target."""
    with (
        fresh_database(postgres_server) as source,
        fresh_database(postgres_server) as target,
        psycopg.connect(source, autocommit=True) as conn,
    ):
        db = LiteLLM(conn)
        db.create()
        fill(db)
        yield source, db, target


def test_a_second_run_stores_nothing(two: Two) -> None:
    source, _, target = two
    _, first = run(source, target)
    before = len(stored_facts(target))
    _, again = run(source, target)
    assert len(stored_facts(target)) == before
    for kind, counts in first["kinds"].items():
        assert again["kinds"][kind]["imported"] == 0
        assert again["kinds"][kind]["unchanged"] == counts["imported"]
        assert again["kinds"][kind]["refused"] == counts["refused"]
        assert again["kinds"][kind]["changed"] == 0


def test_what_changed_on_either_side_is_said_and_kept(two: Two, start_service: Start) -> None:
    source, db, target = two
    run(source, target)
    service = start_service(on_database(target))
    with service.client() as client:
        client.post("/team/update", json={"team_id": "strange", "team_alias": "Here"})
    service.stop()
    db.change(TEAM, "team_id", "core", team_alias="There")
    db.change(USER, "user_id", "bob", spend=99.0)
    db.put(TEAM, team_id="later", models=[])
    before = len(stored_facts(target))
    _, again = run(source, target)
    news = stored_facts(target)[before:]
    assert {fact.stream for fact in news} == {"team-later"}
    assert of(again, "core") == {
        "source": ("changed", "is another there than when it was imported: kept as here")
    }
    assert of(again, "strange")["target"][0] == "changed"
    assert of(again, "bob") == {}


def test_what_was_refused_comes_with_a_later_import(two: Two) -> None:
    source, db, target = two
    _, first = run(source, target)
    assert of(first, token("sk-waits"))["team_id"][0] == "refused"
    facts = stored_facts(target)
    assert not {"team-deep", "user-big", f"key-{token('sk-waits')}"} & {f.stream for f in facts}
    assert "big" in {f.data["user_id"] for f in facts if f.topic == "team.member_added"}
    db.change(TEAM, "team_id", "deep", metadata="{}")
    db.change(USER, "user_id", "big", metadata="{}")
    run(source, target)
    news = {(f.stream, f.topic): f.data for f in stored_facts(target)[len(facts) :]}
    made = news[f"key-{token('sk-waits')}", "key.generated"]
    assert made["settings"]["team_incarnation"] == 1
    assert {stream for stream, _ in news} == {"team-deep", "user-big", f"key-{token('sk-waits')}"}


def test_a_large_team_is_several_commands_in_one_append(database_url: str, two: Two) -> None:
    source, db, _ = two
    listed = [{"user_id": f"user-{n}", "role": "user"} for n in range(2_500)]
    db.put(TEAM, team_id="crowd", members_with_roles=listed, models=[])
    run(source, database_url)
    facts = [fact for fact in stored_facts(database_url) if fact.stream == "team-crowd"]
    assert Counter(fact.topic for fact in facts) == {
        "team.created": 1,
        "team.member_added": 2_500,
        "thing.imported": 1,
    }
    sizes = Counter(fact.body["meta"]["command_id"] for fact in facts)
    assert sorted(sizes.values()) == [502, 2_000]


def test_ids_that_are_taken_here_are_refused_one_by_one(two: Two, start_service: Start) -> None:
    source, _, target = two
    service = start_service(on_database(target))
    with service.client() as client:
        made = client.post("/team/new", json={"team_id": "strange", "team_alias": "Ours"})
        assert made.status_code == 200
    status, report = run(source, target)
    assert status == 1
    assert of(report, "strange")["id"][0] == "refused"
    with service.client() as client:
        found = client.get("/team/info", params={"team_id": "strange"}).json()
        assert found["team_info"]["team_alias"] == "Ours"
        core = client.get("/team/info", params={"team_id": "core"})
        assert core.json()["team_info"]["team_alias"] == "Core"
        grown = client.post(
            "/team/member_add",
            json={"team_id": "core", "member": {"user_id": "new-here", "role": "user"}},
        )
        assert grown.status_code == 200, grown.text
    service.stop()


def test_a_rehearsal_says_the_same_and_stores_nothing(two: Two, tmp_path: Path) -> None:
    source, _, target = two
    file = tmp_path / "report.jsonl"
    status, rehearsed = run(source, target, "--dry-run", "--report", str(file))
    assert stored_facts(target) == []
    assert status == 1
    _, report = run(source, target)
    assert rehearsed["kinds"] == report["kinds"]
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines == rehearsed["entries"]


def test_a_report_may_go_to_a_device(two: Two) -> None:
    source, _, target = two
    status, rehearsed = run(source, target, "--dry-run", "--report", os.devnull)
    assert (status, bool(rehearsed["entries"])) == (1, True)


def everything(url: str) -> list[tuple[str, ...]]:
    """All rows with the transaction that wrote each."""
    with psycopg.connect(url) as conn:
        return [
            row
            for table in sorted(COLUMNS)
            for row in conn.execute(f'SELECT xmin::text, t::text FROM "{table}" t')
        ]


def test_the_source_is_never_written_to(two: Two) -> None:
    source, _, target = two
    before = everything(source)
    run(source, target)
    assert everything(source) == before


def test_columns_of_other_versions_are_tolerated(postgres_server: EmbeddedServer) -> None:
    missing = {
        TEAM: {"soft_budget", "policies", "router_settings", "access_group_ids", "model_id"},
        KEY: {"auto_rotate", "created_at", "allowed_routes", "budget_id"},
        USER: {"created_at", "updated_at", "policies"},
    }
    with fresh_database(postgres_server) as source, fresh_database(postgres_server) as target:
        with psycopg.connect(source, autocommit=True) as conn:
            db = LiteLLM(conn)
            db.create(without=missing)
            for table in COLUMNS.keys() - {TEAM, KEY, USER}:
                conn.execute(f'DROP TABLE "{table}"')
            conn.execute(f'ALTER TABLE "{TEAM}" ADD COLUMN unheard_of text DEFAULT 1')
            db.put(USER, user_id="ann", teams=["core"], models=[])
            db.put(TEAM, team_id="core", models=[])
            db.put(KEY, token=token("sk-1"), user_id="ann", team_id="core")
        status, report = run(source, target)
    assert status == 0
    imported = {kind: counts["imported"] for kind, counts in report["kinds"].items()}
    assert imported == {"user": 1, "team": 1, "key": 1}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://a:secret@b/c", "is not given by an address"),
        ("postgresql://a:secret@b:port/c?no such=thing", "is not an address of PostgreSQL"),
        ("postgresql://a:s@secret@b/c", "has two @"),
        ("postgresql://a:secret@127.0.0.1:1/c?connect_timeout=1", "cannot be used"),
    ],
)
def test_a_source_that_cannot_be_read_ends_with_2(database_url: str, url: str, says: str) -> None:
    ended = invoked("import-litellm", "--database-url", url, **env(database_url))
    assert ended.exit_code == 2
    assert says in ended.stderr
    assert "secret" not in ended.output


def test_a_report_is_kept_until_there_is_another(database_url: str, tmp_path: Path) -> None:
    kept = tmp_path / "report.jsonl"
    kept.write_text("of the import of yesterday\n")
    for url in ("postgresql://a@127.0.0.1:1/c", database_url):
        options = ("--database-url", url, "--report", str(kept))
        assert invoked("import-litellm", *options, **env(database_url)).exit_code == 2
        assert kept.read_text() == "of the import of yesterday\n"


def test_another_database_is_not_taken_for_litellms(database_url: str) -> None:
    ended = invoked("import-litellm", "--database-url", database_url, **env(database_url))
    assert (ended.exit_code, "is not LiteLLM's" in ended.stderr) == (2, True)
    with_schema = f"{database_url}&schema=public&connection_limit=5"
    ended = invoked("import-litellm", "--database-url", with_schema, **env(database_url))
    assert (ended.exit_code, "is not LiteLLM's" in ended.stderr) == (2, True)


def test_a_data_directory_is_made_and_its_keys_are_shown_once(
    two: Two, data_dir: Path, start_service: Start
) -> None:
    source, _, _ = two
    own = {"TEAMLEDGER_DATA_DIR": str(data_dir)}
    ended = invoked("import-litellm", "--database-url", source, "--json", **own)
    assert ended.exit_code == 1
    assert json.loads(ended.stdout)["kinds"]["team"]["imported"] == 2
    master = ended.stderr.partition("shown this once: ")[2].split()[0]
    service = start_service({**own, "TEAMLEDGER_MASTER_KEY": master})
    with service.client("sk-old-secret") as client:
        assert client.get("/key/info").status_code == 200
    busy = invoked("import-litellm", "--database-url", source, **own)
    assert busy.exit_code == 2
    service.stop()


def test_the_report_for_people(two: Two) -> None:
    source, _, target = two
    ended = invoked("import-litellm", "--database-url", source, **env(target))
    assert ended.exit_code == 1
    assert "deleted team" in ended.stdout
    assert "more; --report FILE holds them all" in ended.stdout
    assert "start the service" in ended.stdout
