"""Decisions for gateways, under /v1: what may be called, and what stands in the way."""

from typing import Annotated, Literal

from pydantic import Field

from services.edge.openapi.answers.refusal import ErrorObject
from services.edge.openapi.schema import SOMETIMES, Document, Moment

Kind = Annotated[
    Literal["key", "key_model", "team", "member", "organization", "user"],
    Field(description="Whose it is; `key_model` is what a key may spend on one model."),
]
Id = Annotated[
    str | None, Field(description="The sha256 of the key, or the id; for `member`, of the team.")
]
MemberId = Annotated[str, Field(description="The user, where it is that of a member.")]
ModelName = Annotated[str, Field(description="The model, where it is about one.")]
Check = Literal[
    "malformed_key",
    "unknown_key",
    "key_blocked",
    "key_model",
    "key_expired",
    "key_budget",
    "key_model_budget",
    "team_blocked",
    "team_model",
    "user_model",
    "team_budget",
    "organization_budget",
    "user_budget",
    "member_budget",
    "key_routes",
]


class DecisionWindow(Document):
    """The window of a budget that holds the moment."""

    start: Annotated[
        Moment | None, Field(description="From when on calls count; null is from ever.")
    ]
    end: Annotated[
        Moment | None, Field(description="Before when calls began that count; null is for ever.")
    ]


class DecisionLimit(Document):
    """What the gateway is to enforce; null is no limit."""

    kind: Kind
    id: Id
    member: MemberId = SOMETIMES
    model: ModelName = SOMETIMES
    tpm_limit: int | None
    rpm_limit: int | None
    max_parallel_requests: int | None


class DecisionBudget(Document):
    """A budget that the call was compared with."""

    kind: Kind
    id: Id
    member: MemberId = SOMETIMES
    model: ModelName = SOMETIMES
    max_budget: float | None
    soft_budget: float | None
    spend: Annotated[float, Field(description="USD that count in the window.")]
    held: Annotated[float, Field(description="USD held by reservations.")]
    window: Annotated[DecisionWindow, Field(description="What is counted in.")]


class SoftExceeded(Document):
    """A budget at which somebody is to be warned."""

    kind: Kind
    id: Id
    soft_budget: float
    spend: Annotated[float, Field(description="USD that count in the window.")]


class DecisionReservation(Document):
    """What is held under all budgets for the call."""

    id: Annotated[
        str,
        Field(
            description="What usage is to name as `reservation`.",
            json_schema_extra={"format": "uuid"},
        ),
    ]
    amount: Annotated[float, Field(description="USD.")]
    expires_at: Annotated[Moment, Field(description="When it ends, if nobody ends it before.")]


class DecisionPosition(Document):
    """Up to where the decision has seen."""

    events: Annotated[int, Field(description="The last event.")]
    usage: Annotated[int, Field(description="The last call that was booked.")]


class AllowedCall(Document):
    """The call may be made."""

    allowed: Annotated[Literal[True], Field(description="That it may.")]
    key_hash: Annotated[str, Field(description="The sha256 of the key, in hex.")]
    key_alias: str | None
    user_id: str | None
    team_id: str | None
    team_alias: str | None
    organization_id: str | None
    model: Annotated[str, Field(description="The model to call, whatever it was called.")]
    limits: Annotated[list[DecisionLimit], Field(description="Throughput limits.")]
    budgets: Annotated[list[DecisionBudget], Field(description="Budgets with what is left.")]
    soft_exceeded: Annotated[list[SoftExceeded], Field(description="Soft budgets reached.")]
    reservation: Annotated[
        DecisionReservation | None, Field(description="null if nothing was to be held.")
    ]
    position: Annotated[DecisionPosition, Field(description="Up to where it has seen.")]


class Denial(Document):
    """Which limit it was, what was compared with it, and who set it."""

    check: Annotated[Check, Field(description="The check that was not passed.")]
    kind: Kind
    id: Id
    member: MemberId = SOMETIMES
    model: ModelName = SOMETIMES
    limit: Annotated[
        float | str | list[str] | None,
        Field(description="What was set: USD, models, routes or a moment."),
    ]
    spend: Annotated[float | None, Field(description="USD that count in the window.")]
    held: Annotated[float | None, Field(description="USD held by reservations.")]
    estimate: Annotated[float | None, Field(description="USD that the call was to cost.")]
    by_estimate: Annotated[
        bool, Field(description="Whether only the estimate, with what is held, goes beyond it.")
    ]
    window: Annotated[DecisionWindow | None, Field(description="What is counted in.")]
    set_by: Annotated[str | None, Field(description="The id of the user who set the limit.")]
    set_at: Annotated[Moment | None, Field(description="When he did.")]
    event_id: Annotated[str | None, Field(description="The event that set it.")]


class DeniedCall(Document):
    """The call may not be made."""

    allowed: Annotated[Literal[False], Field(description="That it may not.")]
    status: Annotated[int, Field(description="The status that LiteLLM answers its caller.")]
    error: Annotated[ErrorObject, Field(description="What LiteLLM tells its caller.")]
    denial: Annotated[Denial, Field(description="Why, for those who want to know more.")]
    position: Annotated[DecisionPosition, Field(description="Up to where it has seen.")]


Decision = AllowedCall | DeniedCall


class Released(Document):
    """The reservation holds nothing any more."""

    released: Annotated[str, Field(description="Its id.", json_schema_extra={"format": "uuid"})]
