"""Bodies of resets of spend (supporting-api.md 2.8)."""

from services.edge.requests.common import Money, RequestModel, Text


class ResetSpend(RequestModel):
    """What the spend is to go on from, in USD, and why; no more than it is now."""

    reset_to: Money
    reason: Text | None = None
