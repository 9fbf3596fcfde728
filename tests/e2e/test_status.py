"""GET /v1/status and `teamledger status`: how a running service stands, for people."""

import json

from services.operation.status import ALL_WELL
from tests.support.command_line import command, invoked
from tests.support.ledger import Ledger
from tests.support.refused import assert_refused
from tests.support.service import MASTER_KEY, on_database

PAGE = {"accept": "text/html,*/*;q=0.8"}
CHALLENGE = 'Basic realm="teamledger", charset="UTF-8"'
_OF_ALL = {
    *("commands", "projectors", "sealer", "event database", "read database"),
    *("read models contract", "seal", "webhooks", "usage ledger"),
}


def test_everything_is_told_and_green(ledger: Ledger) -> None:
    ledger.done("/team/new", {"team_id": "a"})
    while (found := ledger.shown("/v1/status"))["head"] < ledger.position():
        pass  # each look is a request; databases are asked once a second
    assert {light["name"] for light in found["lights"]} == _OF_ALL
    assert (found["kind"], found["last_rebuild"], found["relays"]) == ("serve", None, [])
    [group] = found["projections"]
    assert (group["group"], group["lag_events"]) == ("contract", 0)
    assert group["position"] == found["head"]
    assert found["migrations"].keys() == {"events", "read"}


def test_a_rebuild_is_told(ledger: Ledger) -> None:
    keys = {"TEAMLEDGER_MASTER_KEY": MASTER_KEY, **on_database(ledger.database_url)}
    rebuilt = command("rebuild", "--yes", **keys)
    assert rebuilt.returncode == 0, rebuilt.stderr
    while (found := ledger.shown("/v1/status"))["last_rebuild"] is None:
        pass
    assert found["last_rebuild"]["position"] == found["head"]


def test_admins_and_viewers_may_know(ledger: Ledger) -> None:
    viewer = ledger.user("eye", "proxy_admin_viewer")
    ann = ledger.user("ann", "internal_user")
    assert ledger.get("/v1/status", viewer).status_code == 200
    text = "Only proxy admins and viewers may do this. Route=/v1/status. Your role="
    assert_refused(ledger.get("/v1/status", ann), 403, "problem", f"{text}internal_user")
    assert ledger.get("/v1/status", None).status_code == 401
    assert ledger.get("/v1/status", "sk-nobodys").status_code == 401


def test_a_browser_gets_a_page(ledger: Ledger) -> None:
    headers = {"authorization": f"Bearer {MASTER_KEY}", **PAGE}
    shown = ledger.http.get("/v1/status", headers=headers)
    assert shown.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert all(name in shown.text for name in _OF_ALL)


def test_a_browser_asks_for_a_key_and_sends_it_as_a_password(ledger: Ledger) -> None:
    viewer = ledger.user("reader of pages", "proxy_admin_viewer")
    refused = ledger.http.get("/v1/status", headers=PAGE)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, CHALLENGE)
    wrong = ledger.http.get("/v1/status", headers=PAGE, auth=("me", "sk-nobodys"))
    assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, CHALLENGE)
    for key in (viewer, MASTER_KEY):
        shown = ledger.http.get("/v1/status", headers=PAGE, auth=("me", key))
        assert shown.headers["content-type"].startswith("text/html")
        assert ALL_WELL in shown.text


def test_what_a_browser_was_told_opens_nothing_else(ledger: Ledger) -> None:
    """It is sent along with whatever another site makes the browser ask for."""
    password = ("me", MASTER_KEY)
    made = ledger.http.post("/team/new", json={"team_id": "forged"}, headers=PAGE, auth=password)
    assert (made.status_code, made.headers.get("www-authenticate")) == (401, None)
    assert ledger.http.get("/v1/status", auth=password).status_code == 401
    listed = ledger.http.get("/team/list", headers=PAGE, auth=password)
    assert (listed.status_code, listed.headers.get("www-authenticate")) == (401, None)


def test_the_command_line_shows_it(ledger: Ledger) -> None:
    at = ("--url", ledger.service.base_url, "--key", MASTER_KEY)
    told = invoked("status", "--json", *at)
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout).keys() == ledger.shown("/v1/status").keys()
    shown = invoked("status", *at)
    assert shown.exit_code == 0
    assert all(name in shown.stdout for name in _OF_ALL)
    refused = invoked("status", "--url", ledger.service.base_url, "--key", "sk-nobodys")
    assert refused.exit_code == 2
    assert "does not accept the key" in refused.output
