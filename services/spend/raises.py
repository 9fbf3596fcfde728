"""Budgets of keys that are higher for a while, as their metadata says."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from services.spend.holds import EXACT


@dataclass(frozen=True, slots=True)
class Raise:
    """USD on top of a budget until a moment."""

    amount: Decimal
    until: datetime


def raise_of(metadata: Mapping[str, Any]) -> Raise | None:
    """`temp_budget_increase` until `temp_budget_expiry`; whatever else stands there is none."""
    amount, until = metadata.get("temp_budget_increase"), metadata.get("temp_budget_expiry")
    with suppress(InvalidOperation, ValueError, TypeError):
        usd, moment = Decimal(str(amount)), datetime.fromisoformat(until or "")
        if usd.is_finite() and moment.tzinfo is not None:
            return Raise(usd, moment)
    return None


def raised(most: Decimal | None, by: Raise | None, now: datetime) -> Decimal | None:
    """What a budget of `most` is at a moment."""
    if most is None or by is None or by.until <= now:
        return most
    return EXACT.add(most, by.amount)
