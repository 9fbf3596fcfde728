"""Values that facts are made of: money, personal data under seal, limits."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

JsonObject = dict[str, Any]


def plain(amount: Decimal) -> str:
    """Decimal notation without an exponent, so that stored money reads as money."""
    return format(amount, "f")


Money = Annotated[
    Decimal,
    PlainSerializer(plain, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "description": "USD"}),
]
"""US dollars; finite, at most 18 decimals. Stored as text, answered as a JSON number."""


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds, always of the same length: sorts as text."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='microseconds')}Z"


MOMENT_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"
Moment = Annotated[
    AwareDatetime,
    PlainSerializer(timestamp, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": MOMENT_PATTERN}),
]


class Value(BaseModel):
    """A frozen value inside a fact; compared by content."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Sealed(Value):
    """Personal data under the key of the person it belongs to (architecture, section 2).

    Encoding, decoding and folding never open it; once the person's key is gone, nobody can.
    """

    person: str
    box: str


class TeamBudget(Value):
    """What a team may spend: USD per window of `budget_duration` (a BudgetDuration as text)."""

    max_budget: Money | None = None
    soft_budget: Money | None = None
    budget_duration: str | None = None


class RateLimits(Value):
    """Tokens and requests per minute; None means no limit."""

    tpm_limit: int | None = None
    rpm_limit: int | None = None


class MemberLimits(Value):
    """What one member may spend in a team; `budget_id` is the id clients know the budget by.

    Without a `budget_duration` the budget is reset whenever the team's is (register D37).
    """

    budget_id: str
    max_budget: Money | None = None
    tpm_limit: int | None = None
    rpm_limit: int | None = None
    budget_duration: str | None = None


class ObjectPermission(Value):
    """Which MCP servers, vector stores and agents may be used, under the id clients see."""

    object_permission_id: str
    permissions: JsonObject


class CallbackVariable(Value):
    """One setting of a logging callback.

    `shown` is what answers say: the value itself, or a few characters of a secret, which is kept
    in `secret` under a key of the team's own.
    """

    shown: str
    secret: Sealed | None = None


class Callback(Value):
    """Where the calls of a team are logged to; a name occurs once for each type."""

    callback_name: str
    callback_type: Literal["success", "failure", "success_and_failure"]
    variables: dict[str, CallbackVariable]
