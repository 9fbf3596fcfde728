"""`teamledger import-litellm`: what LiteLLM knew is what the service answers afterwards."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from services.database.embedded import EmbeddedServer
from tests.support.cli import invoked
from tests.support.litellm_database import COLUMNS, KEY, TEAM, USER, LiteLLM, fill, token
from tests.support.litellm_import import env, of, run
from tests.support.postgres import fresh_database
from tests.support.service import ServiceProcess, Start, on_database
from tests.support.stored import StoredFact, stored_facts

Two = tuple[str, LiteLLM, str]
MADE, CHANGED, DELETED = "2024-05-06T07:08:09.123", "2024-06-07T08:09:10.500", "2024-07-08T09:10:11"


@dataclass(frozen=True, slots=True)
class Imported:
    source: str
    target: str
    status: int
    report: dict[str, Any]
    facts: list[StoredFact]
    service: ServiceProcess

    def get(self, path: str, key: str | None = None, **query: str) -> httpx.Response:
        with self.service.client(key) as client:
            return client.get(path, params=query or None)

    def answer(self, path: str, key: str | None = None, **query: str) -> Any:  # noqa: ANN401
        found = self.get(path, key, **query)
        assert found.status_code == 200, found.text
        return found.json()

    def of(self, stream: str) -> list[tuple[str, dict[str, Any]]]:
        return [(fact.topic, fact.data) for fact in self.facts if fact.stream == stream]


@pytest.fixture(scope="module")
def imported(postgres_server: EmbeddedServer, start_service: Start) -> Iterator[Imported]:
    with fresh_database(postgres_server) as source, fresh_database(postgres_server) as target:
        with psycopg.connect(source, autocommit=True) as conn:
            db = LiteLLM(conn)
            db.create()
            fill(db)
        status, report = run(source, target)
        facts = stored_facts(target)
        service = start_service(on_database(target))
        yield Imported(source, target, status, report, facts, service)
        service.stop()


def test_the_report_counts_every_kind(imported: Imported) -> None:
    kinds = imported.report["kinds"]
    counted = {kind: (n["imported"], n["refused"]) for kind, n in kinds.items()}
    assert counted == {
        "budget": (3, 0),
        "organization": (1, 0),
        "user": (5, 3),
        "deleted team": (2, 0),
        "team": (2, 4),
        "key": (7, 3),
        "deleted key": (1, 0),
        "membership": (0, 0),
    }
    assert imported.status == 1
    assert imported.report["dry_run"] is False


def test_a_team_answers_as_it_did(imported: Imported) -> None:
    team = imported.answer("/team/info", team_id="core")["team_info"]
    assert (team["team_alias"], team["organization_id"]) == ("Core", "acme")
    assert (team["max_budget"], team["soft_budget"], team["tpm_limit"]) == (100.0, None, 1000)
    assert (team["budget_duration"], team["models"]) == ("1mo", ["gpt-4o"])
    assert team["created_at"].startswith(MADE)
    assert team["updated_at"].startswith(CHANGED)
    listed = {each["team_id"]: each for each in imported.answer("/team/list")}
    assert listed["core"]["litellm_model_table"]["model_aliases"] == {"fast": "gpt-4o"}
    assert team["object_permission"]["mcp_servers"] == ["m"]
    assert team["team_member_budget_table"]["max_budget"] == 10.0
    assert team["metadata"]["cost_center"] == "42"
    why = "100.0 is not below max_budget 100.0: left out"
    assert of(imported.report, "core")["soft_budget"] == ("repaired", why)


def test_everybody_who_was_in_a_team_is_in_it_once(imported: Imported) -> None:
    team = imported.answer("/team/info", team_id="core")["team_info"]
    roles = {m["user_id"]: m["role"] for m in team["members_with_roles"]}
    assert len(team["members_with_roles"]) == len(roles) == 6
    known = {"ann": "admin", "bob": "user", "dan": "user", "cleo": "user", "eve": "user"}
    (made,) = roles.keys() - known.keys()
    assert roles == {**known, made: "user"}
    emails = {m["user_id"]: m["user_email"] for m in team["members_with_roles"]}
    assert (emails[made], emails["dan"]) == ("new@example.com", "dan@example.com")
    assert emails["cleo"] == "cleo@example.com"
    said = of(imported.report, "core")
    assert said["member bob"] == ("repaired", "is listed more than once: one member")
    assert said["member cleo"][1].startswith("is not in members_with_roles, but user.teams")
    assert said["member eve"][0] == "repaired"
    assert said["member eve, budget_id"][1].startswith("lost-budget does not exist")


def test_members_have_the_budgets_they_had(imported: Imported) -> None:
    memberships = imported.answer("/team/info", team_id="core")["team_memberships"]
    budgets = {m["user_id"]: m["litellm_budget_table"] for m in memberships}
    assert (budgets["bob"]["budget_id"], budgets["bob"]["max_budget"]) == ("bob-own", 2.5)
    assert budgets["ann"]["budget_id"] == "core-default"


def test_callbacks_of_both_keys_are_under_seal(imported: Imported) -> None:
    team = imported.answer("/team/info", team_id="core")["team_info"]
    logging = team["metadata"]["logging"]
    assert [(c["callback_name"], c["callback_type"]) for c in logging] == [
        ("langfuse", "success"),
        ("langsmith", "failure"),
    ]
    assert "callback_settings" not in team["metadata"]
    stored = json.dumps([fact.body for fact in imported.facts])
    assert "0123456789abcdef" not in stored
    assert "xample.com" not in stored.lower()


def test_what_makes_no_sense_is_repaired_and_said(imported: Imported) -> None:
    team = imported.answer("/team/info", team_id="strange")["team_info"]
    assert (team["max_budget"], team["tpm_limit"], team["budget_duration"]) == (None, 0, "1d")
    assert (team["organization_id"], team["blocked"]) == (None, True)
    said = of(imported.report, "strange")
    assert said["member fay, user_email"][1] == "is that of user bob: left out"
    assert said["member cleo"][1].startswith("has no address of his own")
    assert said.keys() == {
        *("member fay, user_email", "member fay", "member cleo"),
        "metadata",
        "max_budget",
        "tpm_limit",
        "budget_duration",
        "metadata.team_member_budget_id",
        "organization_id",
    }
    assert {sort for sort, _ in said.values()} == {"repaired"}


@pytest.mark.parametrize(
    ("identity", "what", "why"),
    [
        ("deep", "metadata", "more than 32 levels"),
        ("large", "metadata", "the limit is 65536"),
        ("new\nline", "team_id", "control characters"),
        ("listed", "members_with_roles", "is no list"),
        ("tab\tbed", "user_id", "control characters"),
        ("u" * 256, "user_id", "256 characters"),
        ("(not shown)", "token", "is no sha256"),
        ("(not shown)", "allowed_routes", "are for the keys of gateways"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_itself(
    imported: Imported, identity: str, what: str, why: str
) -> None:
    sort, said = of(imported.report, identity)[what]
    assert (sort, why in said) == ("refused", True), said


def test_an_old_secret_opens_the_same_doors(imported: Imported) -> None:
    own = imported.answer("/team/info", "sk-old-secret", team_id="core")
    assert own["team_id"] == "core"
    row = imported.answer("/key/info", "sk-old-secret")["info"]
    assert (row["key_alias"], row["user_id"], row["team_id"]) == ("production", "ann", "core")
    assert (row["max_budget"], row["organization_id"]) == (7.0, "acme")
    assert row["litellm_budget_table"]["soft_budget"] == 3.0
    assert row["created_at"].startswith(MADE)
    assert row["created_by"] == "default_user_id"
    assert imported.get("/key/info", "sk-stored-in-the-clear").status_code == 200


@pytest.mark.parametrize(
    ("secret", "status"),
    [
        ("sk-blocked", 401),
        ("sk-expired", 400),
        ("sk-teamless", 401),
        ("sk-deleted", 401),
        ("sk-gateway", 401),
        ("sk-unheard-of", 401),
    ],
)
def test_other_secrets_stay_shut(imported: Imported, secret: str, status: int) -> None:
    assert imported.get("/key/info", secret).status_code == status


def test_keys_that_hang_in_the_air_are_kept_and_flagged(imported: Imported) -> None:
    report = imported.report
    assert of(report, token("sk-teamless"))["team_id"][0] == "flagged"
    assert of(report, token("sk-ownerless"))["user_id"][0] == "flagged"
    assert of(report, token("sk-second"))["key_alias"][0] == "flagged"
    assert of(report, "orphan-budget")["budget_id"][0] == "flagged"
    row = imported.answer("/key/info?key=" + token("sk-second"))["info"]
    assert row["key_alias"] == "production"


def test_an_address_belongs_to_who_had_it_first(imported: Imported) -> None:
    assert of(imported.report, "ann-2")["user_email"] == ("flagged", "is that of user ann, too")
    assert imported.answer("/user/info", user_id="ann-2")["user_info"]["user_email"] is not None
    with imported.service.client() as client:
        body = {"team_id": "strange", "member": {"user_email": "ANN@example.com", "role": "user"}}
        added = client.post("/team/member_add", json=body)
    assert added.status_code == 200, added.text
    assert [m["user_id"] for m in added.json()["members_with_roles"]] == [
        *("big", "cleo", "fay", "ann"),
    ]


def test_a_user_answers_as_before(imported: Imported) -> None:
    user = imported.answer("/user/info", user_id="ann")["user_info"]
    assert (user["user_email"], user["user_alias"]) == ("Ann@Example.com", "Ann")
    assert (user["max_budget"], user["user_role"]) == (20.0, "internal_user")
    assert user["created_at"].startswith(MADE)
    assert of(imported.report, "ann").keys() == {"password", "teams"}
    assert of(imported.report, "odd").keys() == {"user_email", "max_budget"}
    assert imported.answer("/user/info", user_id="odd")["user_info"]["max_budget"] == 0.0


def test_an_organization_and_its_budget_answer_as_before(imported: Imported) -> None:
    acme = imported.answer("/organization/info", organization_id="acme")
    assert (acme["organization_alias"], acme["models"]) == ("Acme", ["gpt-4o"])
    assert acme["created_by"] == "default_user_id"
    assert acme["created_at"].startswith(MADE)
    assert acme["litellm_budget_table"]["budget_id"] == "acme-budget"
    roles = [(member["user_id"], member["user_role"]) for member in acme["members"]]
    assert roles == [("ann", "org_admin"), ("bob", "internal_user")]
    assert "core" in [team["team_id"] for team in acme["teams"]]
    budgets = {budget["budget_id"] for budget in imported.answer("/budget/list")}
    assert budgets == {"acme-budget", "key-budget", "orphan-budget"}


def test_organizations_budgets_and_spend_are_in_the_log(imported: Imported) -> None:
    acme = imported.of("organization-acme")
    topics = [topic for topic, _ in acme]
    assert topics == [
        "organization.created",
        "organization.member_added",
        "organization.member_added",
        "thing.imported",
        "organization.allowance_changed",
    ]
    assert [data["role"] for topic, data in acme if "member" in topic] == [
        "org_admin",
        "internal_user",
    ]
    assert acme[-1][1]["after"]["tpm_limit"] == 1000
    assert [t for t, _ in imported.of("budget-acme-budget")] == ["budget.created", "thing.imported"]
    assert imported.of("budget-bob-own") == []
    opened = {fact.stream: fact.data for fact in imported.facts if fact.topic == "spend.opened"}
    spent = {name: data["amount"] for name, data in opened.items()}
    assert spent == {
        "spend-organization-acme": "40.0",
        "spend-organization_member-acme/ann": "0.25",
        "spend-user-ann": "1.25",
        "spend-team-gone": "3.0",
        "spend-team-core": "12.5",
        "spend-member-core/ann": "1.0",
        "spend-member-core/bob": "0.5",
        f"spend-key-{token('sk-old-secret')}": "0.75",
    }
    assert opened["spend-team-core"]["incarnation"] > 1


def test_what_was_spent_counts_in_the_present_window(imported: Imported) -> None:
    core = imported.answer("/team/info", team_id="core")
    assert core["team_info"]["spend"] == 12.5
    spent = {each["user_id"]: each["spend"] for each in core["team_memberships"]}
    assert (spent.pop("ann"), spent.pop("bob"), set(spent.values())) == (1.0, 0.5, {0.0})
    assert [key["spend"] for key in core["keys"]] == [0.75]
    assert imported.answer("/user/info", user_id="ann")["user_info"]["spend"] == 1.25
    acme = imported.answer("/organization/info", organization_id="acme")
    assert (acme["spend"], acme["teams"][0]["spend"]) == (40.0, 12.5)
    assert [member["spend"] for member in acme["members"]] == [0.25, 0.0]
    deleted = imported.answer("/v2/team/list", status="deleted")["teams"]
    assert {team["team_id"]: team["spend"] for team in deleted} == {"gone": 3.0, "core": 3.0}
    for path, amount in (
        ("teams/core", 12.5),
        ("teams/core/members/bob", 0.5),
        (f"keys/{token('sk-old-secret')}", 0.75),
        ("users/ann", 1.25),
        ("organizations/acme", 40.0),
    ):
        present = imported.answer(f"/v1/{path}/windows", limit="1")["windows"][0]
        assert present["spend"] == amount, path


def test_deleted_things_are_in_the_deleted_lists(imported: Imported) -> None:
    teams = imported.answer("/v2/team/list", status="deleted")["teams"]
    assert {t["team_id"] for t in teams} == {"gone", "core"}
    gone = next(t for t in teams if t["team_id"] == "gone")
    assert gone["deleted_at"].startswith(DELETED)
    assert (gone["deleted_by"], gone["deleted_by_api_key"]) == ("ann", "f" * 64)
    assert [m["user_id"] for m in gone["members_with_roles"]] == ["bob"]
    bobs = imported.answer("/v2/team/list", status="deleted", user_id="bob")["teams"]
    assert {t["team_id"] for t in bobs} == {"gone", "core"}
    keys = imported.answer("/key/list", status="deleted", return_full_object="true")["keys"]
    (key,) = keys
    assert (key["key_alias"], key["deleted_by"]) == ("old", "ann")
    assert key["deleted_at"].startswith(DELETED)


def test_lists_go_by_the_original_time(imported: Imported) -> None:
    keys = imported.answer(
        "/key/list", return_full_object="true", sort_by="created_at", sort_order="desc", size="100"
    )["keys"]
    assert keys[0]["key_alias"] == "production"
    assert keys[0]["token"] == token("sk-second")


def test_the_audit_names_the_import(imported: Imported) -> None:
    entries = imported.answer("/audit", object_id="core", page_size="50")["audit_logs"]
    created = [e for e in entries if e["action"] == "created"]
    assert [e["changed_by"] for e in created] == ["litellm-import"]
    metas = [fact.body["meta"] for fact in imported.facts]
    assert {(m["command"], m["actor"]) for m in metas} == {("ImportLiteLLM", "litellm-import")}
    assert {m["correlation_id"] for m in metas} == {imported.report["run"]}
    marks = Counter(
        fact.body["meta"]["command_id"] for fact in imported.facts if fact.topic == "thing.imported"
    )
    assert set(marks.values()) == {1}


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
        ("postgresql://a:secret@127.0.0.1:1/c?connect_timeout=1", "cannot be used"),
    ],
)
def test_a_source_that_cannot_be_read_ends_with_2(database_url: str, url: str, says: str) -> None:
    ended = invoked("import-litellm", "--database-url", url, **env(database_url))
    assert ended.exit_code == 2
    assert says in ended.stderr
    assert "secret" not in ended.output


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
