"""Webhooks over HTTP, with real receivers: signed, tried again, listed, audited (decision 015)."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

import httpx
import pytest

from services.database.embedded import EmbeddedServer
from tests.support.gateway import Gateway
from tests.support.ledger import Ledger, running_ledger
from tests.support.loop import until
from tests.support.receiver import Receiver, receiving
from tests.support.service import Start

IN_FLIGHT = 2
STORED = """
SELECT count(*) FROM events.stored_events WHERE position(%s in encode(state, 'escape')) > 0
"""
NAMES = (f"team-{number}" for number in count())


class Hook:
    """A webhook with the secret that was shown when it was made."""

    def __init__(self, ledger: Ledger, made: dict[str, Any]) -> None:
        self._ledger = ledger
        self.id, self.secret = made["webhook_id"], made["secret"]

    @classmethod
    def at(cls, ledger: Ledger, url: str, **fields: object) -> "Hook":
        return cls(ledger, ledger.done("/v1/webhooks", {"url": url, **fields}))

    @property
    def path(self) -> str:
        return f"/v1/webhooks/{self.id}"

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = self._ledger.shown(self.path)
        return found

    def test(self) -> str:
        return str(self._ledger.done(f"{self.path}/test", None)["message_id"])

    def rotate(self, **fields: float) -> dict[str, Any]:
        rotated: dict[str, Any] = self._ledger.done(f"{self.path}/rotate", fields or None)
        return rotated

    def change(self, **fields: object) -> None:
        self._ledger.done(f"PATCH {self.path}", fields)

    def delete(self) -> None:
        self._ledger.send("DELETE", self.path, None)

    def deliveries(self, **query: str | int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ledger.shown(f"{self.path}/deliveries", **query)[
            "deliveries"
        ]
        return found

    async def settled(self, message_id: str, state: str) -> dict[str, Any]:
        """The message once it is in that state."""

        def look() -> bool:
            return any(
                one["message_id"] == message_id and one["state"] == state
                for one in self.deliveries()
            )

        await until(look)
        return next(one for one in self.deliveries() if one["message_id"] == message_id)


@pytest.fixture(scope="module")
def ledger(postgres_server: EmbeddedServer, start_service: Start) -> Iterator[Ledger]:
    env = {
        "TEAMLEDGER_WEBHOOK_PRIVATE_TARGETS": "true",
        "TEAMLEDGER_WEBHOOK_RETRY_SECONDS": "0.02,0.02,0.02",
        "TEAMLEDGER_WEBHOOK_IN_FLIGHT": str(IN_FLIGHT),
        "TEAMLEDGER_WEBHOOK_TIMEOUT": "20",
    }
    with running_ledger(postgres_server, start_service, **env) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(ledger: Ledger) -> Gateway:
    return Gateway(ledger)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def hook(ledger: Ledger, receiver: Receiver) -> Iterator[Hook]:
    made = Hook.at(ledger, receiver.url)
    yield made
    made.delete()


def over(ledger: Ledger, gateway: Gateway, cost: float, **fields: object) -> str:
    """A team of its own that has spent so much of 10 USD."""
    team_id = next(NAMES)
    ledger.done("/team/new", {"team_id": team_id, "max_budget": 10, **fields})
    gateway.spends(ledger.key(team_id=team_id), cost)
    return team_id


async def test_an_alert_arrives_signed_and_says_what_was_spent(
    ledger: Ledger, gateway: Gateway, receiver: Receiver, hook: Hook
) -> None:
    team_id = over(ledger, gateway, 8.5, team_alias="Core", budget_duration="30d")
    [received] = receiver.wait_for(1)
    told = received.verified(hook.secret)
    data = told["data"]
    assert told["type"] == "budget.threshold_crossed"
    assert (data["kind"], data["id"], data["team_alias"]) == ("team", team_id, "Core")
    assert (data["percent"], data["budget"], data["spend"]) == (80, "10", "8.5")
    assert data["window_start"] < told["timestamp"] < data["window_end"]
    delivered = await hook.settled(received.id, "delivered")
    assert (delivered["attempts"], delivered["last_status"]) == (1, 204)
    assert (delivered["last_error"], delivered["next_attempt_at"]) == (None, None)
    feed = ledger.shown("/v1/events", types="budget.threshold_crossed")
    assert received.id in [event["id"] for event in feed["events"]]
    audited = ledger.shown("/audit", object_id=team_id, page_size=100)["audit_logs"]
    [alerts] = [
        row["updated_values"]["alerts"] for row in audited if "alerts" in row["updated_values"]
    ]
    assert [(one["percent"], one["spend"]) for one in alerts] == [(80, 8.5)]


async def test_a_receiver_that_fails_gets_the_same_message_again(
    receiver: Receiver, hook: Hook
) -> None:
    answers: dict[int, int | tuple[int, Mapping[str, str]]] = {
        1: 500,
        2: (302, {"location": receiver.url}),
        3: (429, {"retry-after": "0"}),
    }
    receiver.answer = lambda number: answers.get(number, 200)
    message_id = hook.test()
    received = receiver.wait_for(4)
    assert {one.id for one in received} == {message_id}
    assert len({one.body for one in received}) == 1
    assert received[3].verified(hook.secret)["type"] == "webhook.tested"
    assert (await hook.settled(message_id, "delivered"))["attempts"] == 4
    assert len(receiver.received) == 4


def test_what_is_acknowledged_has_its_message_listed(hook: Hook) -> None:
    for _ in range(20):
        assert hook.test() in {one["message_id"] for one in hook.deliveries()}


async def test_what_is_given_up_is_listed_and_can_be_delivered_later(
    ledger: Ledger, receiver: Receiver, hook: Hook
) -> None:
    receiver.answer = lambda _: 503
    message_id = hook.test()
    given_up = await hook.settled(message_id, "given_up")
    assert (given_up["attempts"], given_up["last_status"]) == (4, 503)
    assert given_up["last_error"] == "503 Service Unavailable"
    assert [one["message_id"] for one in hook.deliveries(status="undelivered")] == [message_id]
    assert hook.deliveries(status="delivered") == []
    receiver.answer = lambda _: 200
    retry = f"{hook.path}/deliveries/{message_id}/retry"
    assert ledger.done(retry, None) == {"webhook_id": hook.id, "message_id": message_id}
    assert (await hook.settled(message_id, "delivered"))["attempts"] == 5
    assert receiver.ids() == {message_id}
    assert hook.deliveries(status="undelivered") == []
    missing = ledger.post(f"{hook.path}/deliveries/missing/retry", None)
    assert (missing.status_code, missing.json()["detail"]) == (
        404,
        "There is no message with the id missing",
    )


async def test_a_slow_receiver_keeps_no_other_waiting(ledger: Ledger) -> None:
    with receiving(held=True) as slow, receiving() as quick:
        waiting, other = Hook.at(ledger, slow.url), Hook.at(ledger, quick.url)
        sent = {waiting.test() for _ in range(3 * IN_FLIGHT)}
        slow.wait_for(IN_FLIGHT)
        await other.settled(other.test(), "delivered")
        assert (slow.at_once, len(slow.received)) == (IN_FLIGHT, IN_FLIGHT)
        slow.released.set()
        slow.wait_for(len(sent))
        for message_id in sent:
            await waiting.settled(message_id, "delivered")
        assert (slow.ids(), slow.most_at_once) == (sent, IN_FLIGHT)
        waiting.delete()
        other.delete()


async def test_a_receiver_that_is_gone_is_switched_off(receiver: Receiver, hook: Hook) -> None:
    receiver.answer = lambda _: 410
    message_id = hook.test()
    await until(lambda: hook.shown()["enabled"] is False)
    assert hook.shown()["disabled_reason"] == "410 Gone"
    [given_up] = hook.deliveries(status="undelivered")
    assert (given_up["message_id"], given_up["state"]) == (message_id, "given_up")
    receiver.answer = lambda _: 200
    later = hook.test()
    hook.change(enabled=True)
    await hook.settled(later, "delivered")
    assert [one.id for one in receiver.received] == [message_id, later]
    assert hook.shown()["disabled_reason"] is None


async def test_a_receiver_that_was_left_switches_nothing_off(ledger: Ledger) -> None:
    with receiving(held=True) as left, receiving() as present:
        left.answer = lambda _: 410
        hook = Hook.at(ledger, left.url)
        message_id = hook.test()
        left.wait_for(1)
        hook.change(url=present.url)
        left.released.set()
        await hook.settled(message_id, "given_up")
        later = hook.test()
        await hook.settled(later, "delivered")
        assert present.ids() == {later}
        assert (hook.shown()["enabled"], hook.shown()["disabled_reason"]) == (True, None)
        hook.delete()


async def test_a_new_secret_is_used_beside_the_one_before(receiver: Receiver, hook: Hook) -> None:
    rotated = hook.rotate()
    assert rotated["secret"] not in {hook.secret, "whsec_****"}
    assert rotated["previous_secret_until"] > rotated["updated_at"]
    hook.test()
    [received] = receiver.wait_for(1)
    for secret in (hook.secret, rotated["secret"]):
        assert received.verified(secret)["type"] == "webhook.tested"
    assert len(received.headers["webhook-signature"].split()) == 2
    at_once = hook.rotate(keep_previous_hours=0)
    hook.test()
    received = receiver.wait_for(2)[-1]
    assert received.verified(at_once["secret"])["type"] == "webhook.tested"
    assert len(received.headers["webhook-signature"].split()) == 1


def test_a_secret_is_shown_once(ledger: Ledger, hook: Hook) -> None:
    assert hook.secret.startswith("whsec_")
    told = [ledger.get(path).text for path in ("/v1/webhooks", hook.path, "/audit?page_size=100")]
    told.append(ledger.get("/v1/events", limit=500).text)
    assert all(hook.secret not in text for text in told)
    assert hook.shown()["secret"] == "whsec_****"
    bare = hook.secret.removeprefix("whsec_")
    assert ledger.database.execute(STORED, (bare,)).fetchone() == (0,)


async def test_a_webhook_for_some_teams_hears_of_no_others(
    ledger: Ledger, gateway: Gateway, receiver: Receiver, hook: Hook
) -> None:
    ours = next(NAMES)
    hook.change(team_ids=[ours])
    over(ledger, gateway, 8)
    ledger.done("/team/new", {"team_id": ours, "max_budget": 10, "soft_budget": 1})
    gateway.spends(ledger.key(team_id=ours, max_budget=4), 2)
    gateway.spends(ledger.key(), 100)
    await until(lambda: len(hook.deliveries(status="delivered")) == 1)
    [received] = receiver.wait_for(1)
    data = received.verified(hook.secret)["data"]
    assert (data["id"], data["percent"], data["budget"]) == (ours, None, "1")


CHANGES: list[tuple[str, Callable[[Hook], object]]] = [
    ("ChangeWebhook", lambda hook: hook.change(description="by night")),
    ("RotateWebhookSecret", lambda hook: hook.rotate()),
    ("TestWebhook", lambda hook: hook.test()),
    ("DeleteWebhook", lambda hook: hook.delete()),
]


def test_whatever_is_changed_is_audited(ledger: Ledger, receiver: Receiver) -> None:
    hook = Hook.at(ledger, receiver.url)
    for _, change in CHANGES:
        change(hook)
    query = {"object_id": hook.id, "sort_order": "asc", "page_size": 100}
    rows = ledger.shown("/audit", **query)["audit_logs"]
    told = [(row["command"], row["action"]) for row in rows]
    actions = ["updated", "updated", "updated", "deleted"]
    expected = [(name, action) for (name, _), action in zip(CHANGES, actions, strict=True)]
    assert told == [("CreateWebhook", "created"), *expected]
    assert {row["table_name"] for row in rows} == {"teamledger_Webhook"}
    assert rows[1]["before_value"] == {"description": None}
    assert rows[1]["updated_values"] == {"description": "by night"}


async def test_pages_of_deliveries_go_on_where_one_ended(
    ledger: Ledger, receiver: Receiver, hook: Hook
) -> None:
    sent = [hook.test() for _ in range(5)]
    receiver.wait_for(5)
    await until(lambda: len(hook.deliveries()) == 5)
    seen, query = list[str](), dict[str, str | int](limit=2)
    while True:
        page = ledger.shown(f"{hook.path}/deliveries", **query)
        seen += [one["message_id"] for one in page["deliveries"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert seen == sent[::-1]


def test_a_deleted_webhook_is_gone_with_what_waited(ledger: Ledger, receiver: Receiver) -> None:
    hook = Hook.at(ledger, receiver.url, enabled=False)
    hook.test()
    hook.delete()
    assert ledger.get(hook.path).status_code == 404
    assert ledger.get(f"{hook.path}/deliveries").status_code == 404
    assert ledger.send("DELETE", hook.path, None).status_code == 404
    assert hook.id not in [one["webhook_id"] for one in ledger.shown("/v1/webhooks")["webhooks"]]


def test_nobody_but_proxy_admins_has_to_do_with_them(ledger: Ledger, hook: Hook) -> None:
    viewer = ledger.user("looker", "proxy_admin_viewer")
    ann = ledger.user("ann", "internal_user")
    for key in (viewer, ann):
        for path in ("/v1/webhooks", hook.path, f"{hook.path}/deliveries"):
            refused: httpx.Response = ledger.get(path, key)
            assert (refused.status_code, hook.id in refused.json()["title"]) == (403, False)
        assert ledger.post(f"{hook.path}/test", None, key).status_code == 403
    assert ledger.get("/v1/webhooks", ledger.user("boss", "proxy_admin")).status_code == 200
