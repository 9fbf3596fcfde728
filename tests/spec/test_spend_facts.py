"""Resets and opening balances: decided, folded for commands, kept for reads, and audited."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from events.envelope import Envelope
from events.registry import DomainEvent
from events.spend import EVERYWHERE, SpendOpened, SpendReset, SpendResetEverywhere, spend_stream
from events.streams import Stream
from services.command.domain.errors import NotResettable
from services.command.domain.spend import Mark, ResetSpend, Spend, evolve, reset
from services.projection.projectors.audit import AuditProjector
from services.projection.projectors.spend_marks import SPEND_MARKS
from tests.support.eventlog import START, History
from tests.support.facts import usd

TOKEN = "a" * 64
OF_KEY = spend_stream("key", TOKEN)


def second(number: int) -> datetime:
    return START + timedelta(seconds=number)


def opened(amount: int, incarnation: int = 1) -> SpendOpened:
    return SpendOpened(
        kind="key", id=TOKEN, incarnation=incarnation, amount=usd(amount), as_of=START
    )


def was_reset(amount: int, incarnation: int = 1, before: int = 9) -> SpendReset:
    return SpendReset(
        kind="key", id=TOKEN, incarnation=incarnation, before=usd(before), amount=usd(amount)
    )


def asked(wanted: str, spent: str = "5", most: str | None = "4") -> ResetSpend:
    return ResetSpend(
        kind="member",
        id="core",
        user_id="ann",
        incarnation=3,
        spent=usd(spent),
        max_budget=None if most is None else usd(most),
        wanted=usd(wanted),
        reason="why",
    )


@pytest.mark.parametrize("wanted", ["0", "0.000000000000000001", "4"])
def test_spend_is_reset_to_an_amount_from_nothing_to_what_may_be_spent(wanted: str) -> None:
    assert reset(asked(wanted)) == [
        SpendReset(
            kind="member",
            id="core",
            user_id="ann",
            incarnation=3,
            before=usd(5),
            amount=usd(wanted),
            reason="why",
        )
    ]


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (asked("-0.000001"), "reset_to must be >= 0"),
        (asked("5.5"), "reset_to (5.5) must be <= current spend (5.0)"),
        (asked("5.000000000000000001", most=None), "must be <= current spend"),
        (asked("4.5"), "reset_to (4.5) must be <= budget (4.0)"),
    ],
)
def test_other_amounts_are_refused(command: ResetSpend, text: str) -> None:
    with pytest.raises(NotResettable) as refused:
        reset(command)
    assert text in str(refused.value)


def test_what_counts_already_is_no_change() -> None:
    assert reset(asked("5", most=None)) == reset(asked("0", spent="0")) == []


def folded(*facts: DomainEvent, named: Stream = OF_KEY) -> Spend:
    log, spend = History(), Spend()
    for fact in facts:
        [envelope] = log.command((named, fact))
        spend = evolve(spend, envelope)
    return spend


def test_the_last_reset_counts_and_the_opening_balance_stays() -> None:
    spend = folded(opened(7), was_reset(3), was_reset(1))
    assert (spend.version, spend.life) == (3, 1)
    assert spend.opened == Mark(START, usd(7))
    assert spend.reset == Mark(second(3), usd(1))


def test_what_an_earlier_life_had_is_over_with_it() -> None:
    spend = folded(opened(7), was_reset(3), was_reset(1, incarnation=5))
    assert (spend.life, spend.opened, spend.reset) == (5, None, Mark(second(3), usd(1)))
    late = folded(was_reset(1, incarnation=5), opened(7), was_reset(2))
    assert (late.version, late.life, late.opened) == (3, 5, None)
    assert late.reset == Mark(second(1), usd(1))


def test_everything_of_a_kind_is_reset_by_one_fact() -> None:
    spend = folded(SpendResetEverywhere(kinds=["key", "team"]), named=EVERYWHERE)
    assert (spend.kinds, spend.reset) == (("key", "team"), Mark(second(1), usd(0)))


async def test_marks_are_kept_for_good() -> None:
    log = History()
    everywhere = SpendResetEverywhere(kinds=["key", "team"], reason="new year")
    envelopes = [
        *log.command((OF_KEY, opened(7))),
        *log.command((OF_KEY, was_reset(3))),
        *log.command((EVERYWHERE, everywhere)),
    ]
    rows = (await SPEND_MARKS.fold(envelopes)).settled()
    found = {key: (row["sort"], row["at"], row["amount"]) for key, row in rows.items()}
    assert found == {
        (TOKEN, 1, "key", "", 1): ("opened", START, usd(7)),
        (TOKEN, 1, "key", "", 2): ("reset", second(2), usd(3)),
        ("", 0, "key", "", 3): ("reset", second(3), 0),
        ("", 0, "team", "", 3): ("reset", second(3), 0),
    }
    by_hand = rows[TOKEN, 1, "key", "", 2]
    assert (by_hand["before"], by_hand["by"]) == (usd(9), "admin")
    assert rows["", 0, "team", "", 3]["reason"] == "new year"


async def entries(*envelopes: Envelope) -> list[dict[str, Any]]:
    return list((await AuditProjector().fold(list(envelopes))).settled().values())


async def test_a_reset_is_audited_with_what_is_reset() -> None:
    """A member's with his team or organization, as whatever else is changed of him."""
    log = History()
    told = []
    for kind, name, user_id in (
        ("key", TOKEN, None),
        ("member", "core", "ann"),
        ("organization_member", "acme", "ann"),
    ):
        fact = SpendReset.model_validate(
            {
                "kind": kind,
                "id": name,
                "user_id": user_id,
                "incarnation": 1,
                "before": usd(9),
                "amount": usd(1),
                "reason": "refund",
            }
        )
        told += log.command((spend_stream(fact.kind, name, user_id), fact))
    key, member, colleague = await entries(*told)
    assert (key["table_name"], key["object_id"], key["action"]) == (
        "LiteLLM_VerificationToken",
        TOKEN,
        "updated",
    )
    assert key["before_value"] == {"spend": 9.0}
    assert key["updated_values"] == {"spend": 1.0, "reason": "refund"}
    for entry, table, name, roster in (
        (member, "LiteLLM_TeamTable", "core", "members_with_roles"),
        (colleague, "LiteLLM_OrganizationTable", "acme", "members"),
    ):
        assert (entry["table_name"], entry["object_id"]) == (table, name)
        assert entry["before_value"][roster] == [{"user_id": "ann", "spend": 9.0}]
        assert entry["updated_values"][roster] == [{"user_id": "ann", "spend": 1.0}]


async def test_a_reset_of_everything_is_one_entry() -> None:
    fact = SpendResetEverywhere(kinds=["key", "team"])
    [entry] = await entries(*History().command((EVERYWHERE, fact)))
    assert (entry["action"], entry["updated_values"]) == (
        "updated",
        {"kinds": ["key", "team"], "spend": 0.0},
    )
