"""`teamledger import-litellm`: what LiteLLM knew is what the service answers afterwards."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest

from services.database.embedded import EmbeddedServer
from tests.support.litellm_database import LiteLLM, fill, token
from tests.support.litellm_import import of, run
from tests.support.postgres import fresh_database
from tests.support.service import ServiceProcess, Start, on_database
from tests.support.stored import StoredFact, stored_facts

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
