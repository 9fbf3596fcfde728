"""Usage in quarantine is booked or discarded once, and may come to wait again (decision 010)."""

from datetime import timedelta
from typing import Any, cast

import pytest

from events.quarantine import QuarantineBooked, QuarantineDiscarded, Waited
from events.registry import DomainEvent
from events.streams import QUARANTINE, stream
from events.usage import UsageRecorded
from services.access.principal import AccessRefused, Principal
from services.command.application.cache import Cache
from services.command.application.folds import AnyState
from services.command.application.quarantine import SettleQuarantined
from services.command.application.view import Loads, View
from services.command.domain.errors import AlreadySettled, NotFound
from services.command.domain.quarantine import Quarantined, book, discard
from services.edge.shapes.usage import settled
from services.projection.projectors.audit import AuditProjector
from tests.support.decider import after
from tests.support.eventlog import START, History
from tests.support.usage import NOON, call

REPORTED = call(1, at=NOON - timedelta(days=40))
WAITED = Waited(
    source="eu",
    request_id="call-1",
    reason="began more than 35 days before it was reported",
    received_at=START,
    usage=REPORTED.model_dump(mode="json"),
)
AGAIN = WAITED.model_copy(update={"received_at": START + timedelta(days=1)})
BOOKED = QuarantineBooked(waited=WAITED, started_at=REPORTED.started_at)
DISCARDED = QuarantineDiscarded(waited=WAITED)


def having(*facts: DomainEvent) -> Quarantined:
    return cast("Quarantined", after(QUARANTINE, *facts))


def test_what_waits_is_booked_as_it_was_reported_or_with_another_start() -> None:
    assert book(having(), "x", WAITED, None) == [BOOKED]
    other = BOOKED.model_copy(update={"started_at": NOON})
    assert book(having(), "x", WAITED, NOON) == [other]


def test_what_waits_is_discarded() -> None:
    assert discard(having(), "x", WAITED) == [DISCARDED]


@pytest.mark.parametrize("waiting", [WAITED, None], ids=["not carried out yet", "carried out"])
def test_deciding_the_same_again_is_no_news(waiting: Waited | None) -> None:
    assert book(having(BOOKED), "x", waiting, None) == []
    assert book(having(BOOKED), "x", waiting, REPORTED.started_at) == []
    assert discard(having(DISCARDED), "x", waiting) == []


@pytest.mark.parametrize("waiting", [WAITED, None], ids=["not carried out yet", "carried out"])
def test_nothing_else_can_be_decided_then(waiting: Waited | None) -> None:
    with pytest.raises(AlreadySettled):
        book(having(DISCARDED), "x", waiting, None)
    with pytest.raises(AlreadySettled):
        book(having(BOOKED), "x", waiting, NOON)
    with pytest.raises(AlreadySettled):
        discard(having(BOOKED), "x", waiting)


def test_what_waits_again_is_decided_anew() -> None:
    assert discard(having(BOOKED), "x", AGAIN) == [QuarantineDiscarded(waited=AGAIN)]
    anew = book(having(DISCARDED), "x", AGAIN, None)
    assert anew == [BOOKED.model_copy(update={"waited": AGAIN})]
    assert having(DISCARDED, *anew).incarnation == 2


def test_nothing_is_decided_about_what_waits_no_more() -> None:
    """By who saw it before it was discarded, sent again, and decided anew."""
    anew = BOOKED.model_copy(update={"waited": AGAIN})
    with pytest.raises(AlreadySettled):
        discard(having(DISCARDED, anew), "x", WAITED)
    with pytest.raises(AlreadySettled):
        book(having(DISCARDED, QuarantineDiscarded(waited=AGAIN)), "x", WAITED, None)


def test_nothing_is_decided_about_what_never_waited() -> None:
    with pytest.raises(NotFound):
        book(having(), "x", None, None)
    with pytest.raises(NotFound):
        discard(having(), "x", None)


def test_a_decision_keeps_the_whole_call() -> None:
    assert UsageRecorded.model_validate(BOOKED.waited.usage) == REPORTED


ADMIN = Principal("t", "root", "proxy_admin", None)
NOBODY = [
    Principal("t", "eye", "proxy_admin_viewer", None),
    Principal("t", "ann", "internal_user", None),
    Principal("t", None, None, None, gateway="eu"),
]


def view() -> View:
    cache = Cache(10**6)
    states: dict[str, AnyState] = {stream(QUARANTINE, "x"): Quarantined()}
    return View(cache, cache.recorded_at, Loads(states=states))


def test_a_decision_leaves_a_chore_to_carry_it_out() -> None:
    decision = SettleQuarantined("x", WAITED, "book").decide(view(), ADMIN)
    assert decision.facts == [(stream(QUARANTINE, "x"), BOOKED)]
    assert decision.chores == [(stream(QUARANTINE, "x"), "settle")]


@pytest.mark.parametrize("caller", NOBODY)
@pytest.mark.parametrize("waiting", [WAITED, None])
def test_only_proxy_admins_decide_and_learn_what_waits(
    caller: Principal, waiting: Waited | None
) -> None:
    for command in (
        SettleQuarantined("x", waiting, "book"),
        SettleQuarantined("x", waiting, "discard"),
    ):
        with pytest.raises(AccessRefused) as refused:
            command.decide(view(), caller)
        assert refused.value.status == 403


def test_an_answer_tells_what_was_decided() -> None:
    assert settled("x", BOOKED) == {
        "id": "x",
        "source": "eu",
        "request_id": "call-1",
        "status": "booked",
        "started_at": "2026-10-09T12:00:00Z",
    }
    assert settled("x", DISCARDED)["started_at"] is None


async def entry(fact: DomainEvent) -> dict[str, Any]:
    rows = await AuditProjector().fold(History().command((stream(QUARANTINE, "x"), fact)))
    [columns] = rows.settled().values()
    return columns


async def test_auditors_are_told_the_call_and_its_start() -> None:
    booked = await entry(BOOKED.model_copy(update={"started_at": NOON}))
    assert (booked["action"], booked["table_name"]) == ("created", "LiteLLM_SpendLogs")
    assert (booked["object_id"], booked["before_value"]) == ("x", {})
    assert booked["updated_values"] == {
        **WAITED.model_dump(mode="json"),
        "started_at": "2026-11-18T12:00:00.000000Z",
    }
    discarded = await entry(DISCARDED)
    assert (discarded["action"], discarded["updated_values"]) == ("deleted", {})
    assert discarded["before_value"] == WAITED.model_dump(mode="json")
