"""A person is forgotten: nothing of him can be found anywhere, all else stays (decision 012)."""

import base64
import gzip
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from services.database.connections import owner_conninfo
from services.database.embedded import EmbeddedServer
from tests.support.archives import members as archive_members
from tests.support.cli import invoked
from tests.support.command_line import command
from tests.support.ledger import Ledger, bearer, running_ledger
from tests.support.postgres import fresh_database
from tests.support.refused import assert_refused
from tests.support.service import MASTER_KEY, ServiceProcess, Start, on_database

USER = "dora-17"
EMAIL, FORMER = "Dora.Marsh@quill.example", "dora@former.example"
ALIAS, CLIENT = "Dora Marsh-Quillfeather", "127.77.3.9"
CLAIM = "dora@former.example"
TEXTS = (EMAIL, FORMER, ALIAS, CLIENT)
FORGET = f"/v1/users/{USER}/forget"
_TABLES = """
SELECT schemaname, tablename FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""


def needles() -> set[str]:
    """The texts in any case, as they are and as base64 has them, whatever stands before."""
    encoded = [
        base64.b64encode(b"x" * shift + text.encode()).decode()[4 if shift else 0 :][:-4]
        for text in TEXTS
        for shift in range(3)
    ]
    return {text.lower() for text in [*TEXTS, *encoded]}


def found_in(text: str) -> set[str]:
    return {needle for needle in needles() if needle in text.lower()}


def dumped(url: str) -> str:
    """Every row of every table of a database as text."""
    rows: list[str] = []
    with psycopg.connect(owner_conninfo(url)) as conn:
        conn.execute("SET bytea_output = escape")
        for schema, table in conn.execute(_TABLES).fetchall():
            query = SQL("SELECT t::text FROM {} t").format(Identifier(schema, table))
            rows += [text for (text,) in conn.execute(query)]
    return "\n".join(rows)


def settings_of(url: str) -> dict[str, str]:
    return {**on_database(url), "TEAMLEDGER_MASTER_KEY": MASTER_KEY}


def printed(*arguments: str, url: str) -> str:
    """What a command prints that has to succeed."""
    ended = invoked(*arguments, **settings_of(url))
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


class Traces(NamedTuple):
    """What the audit log shows of a person: addresses, names, and who claimed to act for him."""

    emails: set[str | None]
    aliases: set[str | None]
    claims: set[str | None]


def traces(http: httpx.Client) -> Traces:
    page = http.get("/audit", params={"page_size": 100}, headers=bearer(MASTER_KEY)).json()
    entries = page["audit_logs"]
    own = [entry for entry in entries if entry["object_id"] == USER]
    sides = [entry[side] for entry in own for side in ("before_value", "updated_values")]
    return Traces(
        {side["user_email"] for side in sides if "user_email" in side},
        {side["user_alias"] for side in sides if "user_alias" in side},
        {entry["on_behalf_of"] for entry in entries},
    )


class World(NamedTuple):
    """`backup` and `note`, a signed checkpoint, were made before anybody was forgotten."""

    ledger: Ledger
    other: ServiceProcess
    backup: Path
    note: Path


@pytest.fixture(scope="module")
def ledger(postgres_server: EmbeddedServer, start_service: Start) -> Iterator[Ledger]:
    env = {"TEAMLEDGER_CHECKPOINT_SECONDS": "0.1"}
    with running_ledger(postgres_server, start_service, **env) as running:
        yield running


def checkpoint(ledger: Ledger) -> Any:  # noqa: ANN401
    """A signed one that holds everything recorded so far."""
    deadline = time.monotonic() + 30
    leaves = ledger.stored()
    while time.monotonic() < deadline:
        found = ledger.get("/v1/proof/checkpoint")
        if found.status_code == 200 and found.json()["size"] >= leaves:
            return found.json()
    pytest.fail("nothing is sealed")


@pytest.fixture(scope="module")
def world(ledger: Ledger, start_service: Start, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Dora with two addresses, in a team; she wrote herself, and others wrote on her behalf."""
    key = ledger.user(USER, "internal_user", user_email=FORMER, user_alias="D.")
    ledger.done("/team/new", {"team_id": "core", "members_with_roles": [member(USER)]})
    ledger.done("/user/update", {"user_id": USER, "user_email": EMAIL})
    ledger.done("/team/block", {"team_id": "core"}, litellm_changed_by=CLAIM)
    ledger.done("/team/unblock", {"team_id": "core"}, litellm_changed_by=USER)
    ledger.user("bob", "internal_user", user_email="bob@example.com")
    ledger.done("/team/member_add", {"team_id": "core", "member": member("bob")})
    own = httpx.HTTPTransport(local_address=CLIENT)
    with httpx.Client(base_url=ledger.service.base_url, transport=own) as hers:
        sent = {"user_id": USER, "user_alias": ALIAS}
        assert hers.post("/user/update", json=sent, headers=bearer(key)).status_code == 200
    other = start_service(on_database(ledger.database_url))
    folder = tmp_path_factory.mktemp("kept")
    backup, note = folder / "before.zip", folder / "note"
    note.write_text(checkpoint(ledger)["note"])
    printed("backup", str(backup), url=ledger.database_url)
    return World(ledger, other, backup, note)


def member(user_id: str) -> dict[str, str]:
    return {"user_id": user_id, "role": "user"}


def shown_before(http: httpx.Client) -> None:
    seen = traces(http)
    assert {EMAIL, FORMER} <= seen.emails
    assert {ALIAS, "D."} <= seen.aliases
    assert {CLAIM, USER} <= seen.claims


def shown_after(http: httpx.Client) -> None:
    seen = traces(http)
    assert (seen.emails, seen.aliases, seen.claims) == ({None}, {None}, {None})


def test_before_anybody_is_forgotten_everything_can_be_read(world: World) -> None:
    with world.other.client() as http:
        shown_before(http)
    shown_before(world.ledger.http)
    assert {EMAIL.lower(), ALIAS.lower()} <= found_in(dumped(world.ledger.database_url))


def test_only_proxy_admins_make_others_forget(world: World) -> None:
    ledger = world.ledger
    keys = ledger.user("eye", "proxy_admin_viewer"), ledger.key(user_id="bob")
    with ledger.nothing_stored():
        for key in keys:
            assert_refused(ledger.post(FORGET, {}, key), 403, "problem", "")
        unknown = ledger.post("/v1/users/nobody/forget", {})
        assert_refused(unknown, 404, "problem", "User not found, passed user_id=nobody")


def test_a_forgetting_is_rehearsed(world: World) -> None:
    with world.ledger.nothing_stored():
        told = world.ledger.done(f"{FORGET}?dry_run=true", {})
    types = [event["type"] for event in told["events"]]
    assert (types[0], types[-1]) == ("user.deleted", "user.forgotten")
    with world.other.client() as http:
        shown_before(http)


def test_a_person_is_forgotten_in_every_process_at_once(world: World) -> None:
    ledger, url = world.ledger, world.ledger.database_url
    facts, entries = ledger.stored(), ledger.shown("/audit")["total"]
    team = ledger.shown("/team/info", team_id="core")
    told = ledger.done(FORGET, {}, idempotency_key="once")
    assert (told["user_id"], told["deleted"], told["remains"]) == (USER, True, None)
    with world.other.client() as http:
        shown_after(http)
    shown_after(ledger.http)
    assert found_in(dumped(url)) == set()

    assert ledger.stored() > facts
    assert ledger.position() == ledger.stored()
    assert ledger.shown("/audit")["total"] > entries
    after = ledger.shown("/team/info", team_id="core")
    left = [m for m in team["team_info"]["members_with_roles"] if m["user_id"] != USER]
    assert after["team_info"]["members_with_roles"] == left
    assert ledger.get("/user/info", user_id=USER).status_code == 404
    [entry] = [
        e
        for e in ledger.shown("/audit")["audit_logs"]
        if e["command"] == "ForgetUser" and e["object_id"] == USER
    ]
    assert (entry["action"], entry["updated_values"]["forgotten"]) == ("deleted", True)

    with ledger.nothing_stored():
        assert ledger.done(FORGET, {}, idempotency_key="once") == told
        assert ledger.done(FORGET, {}) == {**told, "deleted": False}


def test_nothing_of_the_person_is_in_exports(world: World) -> None:
    url = world.ledger.database_url
    for arguments in (("replay", "--json"), ("replay",), ("forgotten",)):
        assert found_in(printed(*arguments, url=url)) == set()


def test_proofs_from_before_are_valid(world: World, tmp_path: Path) -> None:
    url, file = world.ledger.database_url, tmp_path / "audit.jsonl.gz"
    verifier, stored = checkpoint(world.ledger)["verifier"], world.ledger.stored()
    printed("audit", "export", str(file), url=url)
    assert found_in(gzip.decompress(file.read_bytes()).decode()) == set()
    known = ("--checkpoint", str(world.note), "--key", verifier, "--json")
    verdict = json.loads(printed("audit", "verify", str(file), *known, url=url))
    assert (verdict["problem"], verdict["events"]) == (None, stored)


def test_the_address_is_free_and_the_id_can_be_used_again(world: World) -> None:
    ledger = world.ledger
    ledger.user("heir", user_email=EMAIL)
    assert ledger.shown("/user/info", user_id="heir")["user_info"]["user_email"] == EMAIL
    ledger.done("/user/delete", {"user_ids": ["heir"]})
    ledger.done("/v1/users/heir/forget", {})
    assert ledger.get("/user/info", user_id="heir").status_code == 404
    assert found_in(dumped(ledger.database_url)) == set()


def test_an_id_that_is_an_address_remains_and_that_is_said(world: World) -> None:
    ledger, user_id = world.ledger, "mia@example.net"
    ledger.user(user_id, user_email="Mia@example.net", user_alias="Mia Overton")
    told = ledger.done(f"/v1/users/{quote(user_id, safe='')}/forget", {})
    assert ledger.get("/user/info", user_id=user_id).status_code == 404
    assert "The user id is an e-mail address" in told["remains"]
    dump = dumped(ledger.database_url)
    assert ("Mia Overton" in dump, "Mia@example.net" in dump) == (False, False)
    assert user_id in dump


@contextmanager
def restored(server: EmbeddedServer, archive: Path) -> Iterator[str]:
    with fresh_database(server) as url:
        printed("restore", str(archive), url=url)
        yield url


def test_a_backup_that_was_made_later_brings_nobody_back(
    world: World, postgres_server: EmbeddedServer, start_service: Start, tmp_path: Path
) -> None:
    archive = tmp_path / "after.zip"
    printed("backup", str(archive), url=world.ledger.database_url)
    for content in archive_members(archive).values():
        assert found_in(content.decode()) == set()
    with restored(postgres_server, archive) as url:
        assert found_in(dumped(url)) == set()
        service = start_service(on_database(url))
        with service.client() as http:
            shown_after(http)
        assert service.stop() == 0
        assert found_in(dumped(url)) == set()


def test_after_an_older_backup_people_are_forgotten_again_by_the_list(
    world: World, postgres_server: EmbeddedServer, start_service: Start, tmp_path: Path
) -> None:
    """What a backup promises reaches as far as its log: nobody was forgotten in it."""
    kept = tmp_path / "forgotten.jsonl"
    kept.write_text(printed("forgotten", url=world.ledger.database_url))
    listed = [line["user_id"] for line in lines(kept.read_text())]
    assert listed[:2] == [USER, "heir"]
    with restored(postgres_server, world.backup) as url:
        assert EMAIL.lower() in found_in(dumped(url))
        told = {
            line["user_id"]: line for line in lines(printed("forget", "--list", str(kept), url=url))
        }
        assert told[USER]["known"] is True
        assert told[USER]["deleted"] is True
        assert told["heir"] == {"user_id": "heir", "known": False}
        assert found_in(dumped(url)) == set()
        service = start_service(on_database(url))
        with service.client() as http:
            shown_after(http)
        assert service.stop() == 0


def test_a_list_of_nobody_who_is_known_comes_to_an_end(world: World, tmp_path: Path) -> None:
    settings = settings_of(world.ledger.database_url)
    empty = tmp_path / "forgotten.jsonl"
    empty.write_text("")
    for arguments, told in ((["nobody"], [{"user_id": "nobody", "known": False}]), ([], [])):
        with world.ledger.nothing_stored():
            ended = command("forget", *arguments, "--list", str(empty), **settings)
        assert (ended.returncode, lines(ended.stdout)) == (0, told), ended.stderr


def test_a_list_that_is_none_is_refused(world: World, tmp_path: Path) -> None:
    settings = settings_of(world.ledger.database_url)
    wrong = tmp_path / "wrong"
    wrong.write_text(f'{{"user_id": "bob"}}\n{USER}\n')
    for arguments, says in (
        (("forget",), "name users, or a list of them"),
        (("forget", "--list", str(tmp_path / "missing")), "the list cannot be read"),
        (("forget", "--list", str(wrong)), "line 2 of the list is no JSON object"),
    ):
        with world.ledger.nothing_stored():
            ended = invoked(*arguments, **settings)
        assert (ended.exit_code, says in ended.output) == (2, True), ended.output
