"""Budget windows, under /v1, and resets of spend."""

from typing import Annotated, Literal

from pydantic import Field

from services.edge.openapi.schema import Document, Moment


class SpendReset(Document):
    """Somebody had the spend go on from another amount."""

    at: Annotated[Moment, Field(description="When: calls that began before count no more.")]
    amount: Annotated[float, Field(description="USD that it went on from.")]
    by: Annotated[str | None, Field(description="Who: the id of a user.")]


class SpendWindow(Document):
    """A budget window, with the budget that is in force, or was when it ended."""

    start: Annotated[
        Moment | None, Field(description="From when on calls count; null is from ever.")
    ]
    end: Annotated[
        Moment | None, Field(description="Before when calls began that count; null is for ever.")
    ]
    spend: Annotated[float, Field(description="USD that count in it.")]
    max_budget: float | None
    soft_budget: float | None
    resets_in_seconds: Annotated[
        int | None, Field(description="Until its end; null if it is over, or has none.")
    ]
    reset: Annotated[
        SpendReset | None, Field(description="The last one by hand in it, if there was any.")
    ]


class WindowPage(Document):
    """Windows, the newest first; one follows the other without gap or overlap."""

    windows: Annotated[list[SpendWindow], Field(description="Windows, the newest first.")]
    next_before: Annotated[
        Moment | None, Field(description="What to send as `before` for the next page, if any.")
    ]


class KeyReset(Document):
    """A key whose spend goes on from another amount."""

    key_hash: Annotated[str, Field(description="The sha256 of the key, in hex.")]
    spend: float
    previous_spend: Annotated[float, Field(description="USD that had counted up to then.")]
    max_budget: float | None
    budget_reset_at: Moment | None


class MemberReset(Document):
    """A member whose spend in the team goes on from another amount."""

    team_id: str
    user_id: str
    spend: float
    previous_spend: Annotated[float, Field(description="USD that had counted up to then.")]
    max_budget: float | None
    budget_reset_at: Moment | None


class AllReset(Document):
    """The spend of all keys and teams goes on from nothing."""

    message: str
    status: Literal["success"]
