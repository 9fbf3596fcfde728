"""Webhooks: what may be set, where messages may go, how they are signed and tried again."""

import ipaddress
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from events import webhook as facts
from events.alert import BudgetThresholdCrossed
from events.envelope import Envelope
from events.registry import DomainEvent
from events.streams import WEBHOOK, Stream, stream
from events.values import Sealed
from events.webhook import WebhookSettings
from services.command.domain import webhook as rules
from services.command.domain.errors import NotFound, TooManyWebhooks
from services.command.domain.webhook import MOST, Webhook
from services.edge.requests.webhook import ChangeWebhook, NewWebhook
from services.edge.shapes.webhook import WebhookView, message
from services.projection.queries.webhooks import Found
from services.projection.webhooks.messages import concerns
from services.projection.webhooks.posting import Message, Outcome, signed
from services.projection.webhooks.queue import JITTER, pause_after
from services.projection.webhooks.targets import Forbidden, check
from tests.support.eventlog import START, History
from tests.support.facts import SEALED, usd

NAME = stream(WEBHOOK, "wh-1")
OTHER = Sealed(person="t-1", box="b3RoZXI=")
SETTINGS = WebhookSettings(
    url="https://alerts.example.com", event_types=["budget.threshold_crossed"]
)


def given(*events: DomainEvent) -> Webhook:
    state, history = Webhook(), History()
    for event in events:
        for at in history.command((NAME, event)):
            state = rules.evolve(state, at)
    return state


CREATED = facts.WebhookCreated(settings=SETTINGS, secret=SEALED)
GONE = facts.WebhookDeleted(settings=SETTINGS)


# --- what may be set ------------------------------------------------------------------------


def test_one_too_many_is_refused() -> None:
    assert rules.create(SETTINGS, SEALED, MOST - 1) == [CREATED]
    with pytest.raises(TooManyWebhooks):
        rules.create(SETTINGS, SEALED, MOST)


def test_what_is_so_already_changes_nothing() -> None:
    assert rules.change(given(CREATED), "wh-1", {"enabled": True, "url": SETTINGS.url}) == []
    [changed] = rules.change(given(CREATED), "wh-1", {"enabled": False})
    assert isinstance(changed, facts.WebhookChanged)
    assert (changed.before, changed.after.enabled) == (SETTINGS, False)


def test_a_rotation_tells_both_secrets() -> None:
    until = START + timedelta(days=1)
    [rotated] = rules.rotate(given(CREATED), "wh-1", OTHER, until)
    assert rotated == facts.WebhookSecretRotated(before=SEALED, after=OTHER, previous_until=until)
    after = given(CREATED, rotated)
    assert (after.secret, after.previous_until) == (OTHER, until)


def test_a_receiver_that_is_gone_switches_it_off_until_somebody_switches_it_on() -> None:
    [disabled] = rules.disable(given(CREATED), SETTINGS.url, "410 Gone")
    off = given(CREATED, disabled)
    assert (off.settings.enabled, off.disabled) == (False, "410 Gone")
    assert rules.disable(off, SETTINGS.url, "410 Gone") == []
    [changed] = rules.change(off, "wh-1", {"enabled": True})
    on = given(CREATED, disabled, changed)
    assert (on.settings.enabled, on.disabled) == (True, None)


def test_a_receiver_that_is_gone_does_not_speak_for_another_address() -> None:
    [moved] = rules.change(given(CREATED), "wh-1", {"url": "https://new.example.com"})
    assert rules.disable(given(CREATED, moved), SETTINGS.url, "410 Gone") == []


@pytest.mark.parametrize("events", [(), (CREATED, GONE)], ids=["unknown", "deleted"])
def test_what_is_not_there_is_not_found(events: Sequence[DomainEvent]) -> None:
    held = given(*events)
    refusals: list[Callable[[], object]] = [
        lambda: rules.change(held, "wh-1", {}),
        lambda: rules.rotate(held, "wh-1", OTHER, START),
        lambda: rules.try_out(held, "wh-1", "m"),
        lambda: rules.deliver_again(held, "wh-1", "m"),
        lambda: rules.delete(held, "wh-1"),
    ]
    for refused in refusals:
        with pytest.raises(NotFound):
            refused()
    assert rules.disable(held, SETTINGS.url, "410 Gone") == []


@pytest.mark.parametrize(
    "url",
    [
        "https://alerts.example.com/a?b=c",
        "http://127.0.0.1:8080/",
        "https://[2001:db8::1]:8443/hook",
    ],
)
def test_an_address_is_taken(url: str) -> None:
    assert NewWebhook.model_validate({"url": url}).url == url


@pytest.mark.parametrize(
    "url",
    [
        *("", "alerts.example.com", "ftp://alerts.example.com", "https://", "https:///path", "//x"),
        *("https://user:secret@example.com", "https://user@example.com", "https://@example.com"),
        *("https://example.com/#part", "https://example.com/ ", "https://exa\tmple.com"),
        *("https://example.com:port/", "https://example.com:99999/", "https://[::1", "file:///etc"),
        *("https://пример.example", f"https://example.com/{'x' * 2_048}", None, 7, ["https://a.b"]),
    ],
    ids=str,
)
def test_what_is_no_address_is_refused(url: object) -> None:
    with pytest.raises(ValidationError):
        NewWebhook.model_validate({"url": url})


@pytest.mark.parametrize(
    "body",
    [
        {"event_types": []},
        {"event_types": ["team.created"]},
        {"event_types": None},
        {"enabled": None},
        {"enabled": 2},
        {"team_ids": [""]},
        {"team_ids": "core"},
        {"url": None},
        {"description": "x" * 256},
    ],
    ids=str,
)
def test_a_change_is_checked_as_well(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ChangeWebhook.model_validate(body)


def test_a_change_has_what_was_sent_and_nothing_else() -> None:
    body = ChangeWebhook.model_validate({"team_ids": ["a", "b", "a"], "description": None})
    assert body.fields() == {"team_ids": ["a", "b"], "description": None}


# --- who is told of what ----------------------------------------------------------------------


def crossed(team_id: str | None = "core") -> Envelope:
    fact = BudgetThresholdCrossed(
        kind="team",
        id="core",
        incarnation=1,
        percent=80,
        budget=usd(10),
        spend=usd("8.5"),
        since=START,
        window_start=START,
        window_end=START + timedelta(days=1),
        team_id=team_id,
    )
    history = History(position=41)
    [at] = history.command((Stream("alert-team-core@1/ever"), fact))
    return at


def found(created_position: int = 7, previous: Sealed | None = None, **settings: Any) -> Found:  # noqa: ANN401
    view = WebhookView(
        "wh-1",
        SETTINGS.model_copy(update=settings),
        START,
        START,
        previous_until=None if previous is None else START + timedelta(hours=1),
    )
    return Found(view, 1, created_position, SEALED, previous)


@pytest.mark.parametrize(
    ("webhook", "team_id", "told"),
    [
        (found(), "core", True),
        (found(), None, True),
        (found(enabled=False), "core", False),
        (found(team_ids=["core", "lab"]), "core", True),
        (found(team_ids=["lab"]), "core", False),
        (found(team_ids=["lab"]), None, False),
        (found(event_types=["another.event"]), "core", False),
        (found(created_position=42), "core", False),
        (found(created_position=41), "core", True),
    ],
)
def test_a_webhook_is_told_what_it_asked_for(webhook: Found, team_id: str, *, told: bool) -> None:
    at = crossed(team_id)
    assert isinstance(at.event, BudgetThresholdCrossed)
    assert concerns(webhook, at, at.event) is told


def test_a_message_is_made_of_the_fact_alone() -> None:
    at = crossed()
    told = message(at)
    assert (told["type"], told["timestamp"]) == (
        "budget.threshold_crossed",
        "2026-03-11T13:28:27.123456Z",
    )
    assert {**told["data"], "spend": 8.5}.items() >= {
        "id": "core",
        "percent": 80,
        "spend": 8.5,
    }.items()
    assert message(at) == told


# --- signatures -------------------------------------------------------------------------------

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ANOTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def test_the_vector_of_the_specification_is_signed_as_it_says() -> None:
    moment = datetime.fromtimestamp(1614265330, UTC)
    vector = Message("msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', [SECRET])
    headers = signed(vector, moment)
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_rotated_both_verify() -> None:
    now = datetime.now(UTC)
    sent = Message("m", '{"a": 1}', [SECRET, ANOTHER])
    headers = signed(sent, now)
    for secret in (SECRET, ANOTHER):
        assert Verifier(secret).verify(sent.body, headers) == {"a": 1}
    with pytest.raises(WebhookVerificationError):
        Verifier("whsec_AAAA").verify(sent.body, headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify('{"a": 2}', headers)


def test_a_former_secret_signs_until_its_time_is_over() -> None:
    rotated = found(previous=OTHER)
    assert rotated.secrets(START) == [SEALED, OTHER]
    assert rotated.secrets(START + timedelta(hours=1)) == [SEALED]
    assert found().secrets(START) == [SEALED]


# --- where messages may go ----------------------------------------------------------------------

PUBLIC = ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"]
LOCAL = ["127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "fd00::1", "::ffff:10.0.0.1"]
LOCAL += ["64:ff9b::a00:1", "2002:a00:1::"]
NEVER = ["169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"]
NEVER += ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2001:0:5ef5:79fd:0:0:a00:1"]


def admitted(text: str, scheme: str, *, private: bool) -> bool:
    try:
        check(ipaddress.ip_address(text), scheme, private=private)
    except Forbidden:
        return False
    return True


@pytest.mark.parametrize("private", [False, True])
def test_the_world_is_reached_over_tls_alone(*, private: bool) -> None:
    assert all(admitted(text, "https", private=private) for text in PUBLIC)
    assert not any(admitted(text, "http", private=private) for text in PUBLIC)


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_what_only_we_can_reach_has_to_be_allowed(scheme: str) -> None:
    assert not any(admitted(text, scheme, private=False) for text in LOCAL)
    assert all(admitted(text, scheme, private=True) for text in LOCAL)


@pytest.mark.parametrize("text", NEVER)
def test_what_is_no_receiver_is_never_reached(text: str) -> None:
    assert not any(
        admitted(text, scheme, private=private)
        for scheme in ("https", "http")
        for private in (False, True)
    )


# --- trying again -------------------------------------------------------------------------------

PAUSES = (5.0, 300.0, 1800.0)
FAILED = Outcome(500, "500 Internal Server Error")


@pytest.mark.parametrize(("attempts", "pause"), [(1, 5.0), (2, 300.0), (3, 1800.0)])
def test_pauses_grow_and_are_never_quite_alike(attempts: int, pause: float) -> None:
    found = {pause_after(attempts, FAILED, PAUSES) for _ in range(50)}
    assert len(found) > 1
    assert all(each and abs(each - pause) <= JITTER * pause for each in found)


def test_after_the_last_pause_it_is_given_up() -> None:
    assert pause_after(4, FAILED, PAUSES) is None
    assert pause_after(1, FAILED, ()) is None


def test_a_receiver_that_is_gone_is_not_tried_again() -> None:
    assert pause_after(1, Outcome(410, "410 Gone"), PAUSES) is None


def test_a_receiver_that_asks_for_time_gets_it() -> None:
    assert pause_after(1, Outcome(429, "429 Too Many Requests", pause=60.0), PAUSES) == 60.0
    again = pause_after(2, Outcome(429, "429 Too Many Requests", pause=60.0), PAUSES)
    assert again is not None
    assert again > 60.0
