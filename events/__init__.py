"""The facts of teamledger: what is recorded, published and replayed."""

from events import (
    budget,
    imported,
    key,
    organization,
    quarantine,
    reservation,
    spend,
    team,
    user,
)
from events.registry import check_upcasts

__all__ = [
    "budget",
    "imported",
    "key",
    "organization",
    "quarantine",
    "reservation",
    "spend",
    "team",
    "user",
]

check_upcasts()
