"""What can be kept of the values in a row. Whatever becomes something else is noted."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import orjson

from events.duration import BudgetDuration
from events.values import JsonObject
from services.edge.requests.common import (
    MAX_DECIMALS,
    MAX_JSON_DEPTH,
    MAX_MONEY,
    MAX_OBJECT_BYTES,
    UnsafeJson,
    check_json,
)

LONGEST_ID = 255
DAILY = "1d"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SPELLED = re.compile(r"[1-9][0-9]{0,9}(s|m|h|d|w|mo|y)")
_FINEST = Decimal(1).scaleb(-MAX_DECIMALS)

Sort = Literal["repaired", "flagged", "refused", "changed"]
"""What is to be said of a thing: kept otherwise than it was, kept though something about it is
wrong, not kept, or kept as it is here although it differs by now."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one thing that whoever imports should know."""

    sort: Sort
    what: str
    why: str


class Refused(Exception):
    """A thing cannot be kept: what about it, and why."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.finding = Finding("refused", what, why)


@dataclass(slots=True)
class Record:
    """One row. Readers give what can be kept of a column and note what cannot in `findings`.

    A column that is not there is one without a value.
    """

    values: Mapping[str, Any]
    findings: list[Finding] = field(default_factory=list)

    def repaired(self, what: str, why: str) -> None:
        self.findings.append(Finding("repaired", what, why))

    def flagged(self, what: str, why: str) -> None:
        self.findings.append(Finding("flagged", what, why))

    def identity(self, name: str) -> str:
        """An id that can be kept; raises Refused for any other."""
        value = self.values.get(name)
        reason = unfit(value)
        if reason is not None:
            raise Refused(name, reason)
        return str(value)

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        return None if value is None else str(value)

    def texts(self, name: str) -> list[str]:
        """A list without its nulls and repetitions (D24)."""
        named = [text for text in self.values.get(name) or [] if text is not None]
        once = list(dict.fromkeys(named))
        if len(once) < len(named):
            self.repaired(name, "names something more than once: once")
        return once

    def flag(self, name: str) -> bool:
        return bool(self.values.get(name))

    def moment(self, name: str) -> datetime | None:
        """LiteLLM keeps moments in UTC, without saying so."""
        value = self.values.get(name)
        if not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def money(self, name: str) -> Decimal | None:
        """A budget in USD: what a gateway would do with one that is no amount, as an amount."""
        value = self.values.get(name)
        if value is None:
            return None
        number = float(value)
        if math.isnan(number) or number == math.inf:
            self.repaired(name, f"{number} is no amount and limits nothing: left out")
            return None
        if number < 0:
            self.repaired(name, f"{number} is below zero and lets nothing be spent, as 0 does: 0")
            return Decimal(0)
        return self._amount(name, number)

    def _amount(self, name: str, number: float) -> Decimal:
        exact = Decimal(repr(number))
        if exact > MAX_MONEY:
            self.repaired(name, f"{number} is beyond the largest amount: {MAX_MONEY}")
            return MAX_MONEY
        if -int(exact.as_tuple().exponent) > MAX_DECIMALS:
            self.repaired(name, f"{number} has more than {MAX_DECIMALS} decimals: rounded")
            return exact.quantize(_FINEST)
        return exact

    def spent(self, name: str = "spend") -> Decimal:
        """What was spent in USD; 0 where the column holds no amount."""
        number = float(self.values.get(name) or 0)
        if not math.isfinite(number) or number < 0:
            self.repaired(name, f"{number} was not spent: 0")
            return Decimal(0)
        return self._amount(name, number)

    def limit(self, name: str) -> int | None:
        """Tokens or requests; below zero nothing passes, as with 0."""
        value = self.values.get(name)
        if value is not None and value < 0:
            self.repaired(name, f"{value} is below zero and lets nothing pass, as 0 does: 0")
            return 0
        return None if value is None else int(value)

    def duration(self, name: str = "budget_duration") -> str | None:
        """LiteLLM resets a budget at the next midnight if its duration makes no sense (D36)."""
        value = self.values.get(name)
        if value is None:
            return None
        text = str(value)
        try:
            return str(BudgetDuration.parse(text))
        except ValueError:
            if _SPELLED.fullmatch(text):
                self.repaired(name, f"{text} is more than 100 years: never reset")
                return None
        self.repaired(name, f"{text[:40]!r} is no duration and is reset every midnight: {DAILY}")
        return DAILY

    def document(self, name: str) -> JsonObject:
        """A JSON object; raises Refused for what is none, too large or too deep."""
        raw = self.values.get(name)
        if raw in {None, "{}"}:
            return {}
        try:
            value = orjson.loads(raw)
            if isinstance(value, str):
                value = orjson.loads(value)
                self.repaired(name, "is JSON in a text: read")
            check_json(value, MAX_JSON_DEPTH)
        except (UnsafeJson, orjson.JSONDecodeError) as error:
            raise Refused(name, str(error)) from None
        if len(raw) > MAX_OBJECT_BYTES and len(orjson.dumps(value)) > MAX_OBJECT_BYTES:
            raise Refused(name, f"takes {len(raw)} bytes, the limit is {MAX_OBJECT_BYTES}")
        if not isinstance(value, dict):
            if value:
                raise Refused(name, "is no JSON object")
            return {}
        return value

    def not_kept(self, *names: str) -> None:
        """Note the columns of these that hold something: nothing here would read it."""
        for name in names:
            if self.values.get(name) not in (None, False, 0, "", "{}", "[]", "null", []):
                self.repaired(name, "is not kept: nothing here reads it")


def unfit(identity: object) -> str | None:
    """Why something cannot be an id; None if it can."""
    if not isinstance(identity, str) or not identity:
        return "there is no id"
    if len(identity) > LONGEST_ID:
        return f"{len(identity)} characters, the limit is {LONGEST_ID}"
    if _CONTROL.search(identity):
        return "holds control characters"
    return None


def content(values: Mapping[str, Any], leave_out: frozenset[str]) -> str:
    """All that a row says, always in the same words; columns without a value say nothing."""
    said = {
        name: value
        for name, value in values.items()
        if name not in leave_out and value not in (None, False, 0, "", "{}", "[]", [])
    }
    return repr(sorted(said.items()))
