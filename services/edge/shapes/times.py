"""Moments in answers (team-api.md 1.10) and the end of the current budget window."""

from datetime import UTC, datetime, tzinfo

from events.duration import BudgetDuration


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with `Z`; microseconds, always six digits, only when they are not zero."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def iso_with_offset(moment: datetime) -> str:
    """ISO 8601 in UTC with `+00:00`, which is how a KeyRow writes `expires`."""
    return moment.astimezone(UTC).isoformat()


def budget_reset_at(
    duration: str | None, since: datetime, now: datetime, zone: tzinfo
) -> str | None:
    """When the window that holds `now` ends; None for a budget without duration.

    `since` is when this duration began to apply. Computed, never stored: no reset job can be late,
    and sending the same duration again moves nothing (register D38).
    """
    if duration is None:
        return None
    return iso(BudgetDuration.parse(duration).next_reset(now, since, zone))
