"""The facts of teamledger: what is recorded, published and replayed."""

from events import (
    alert,
    audit,
    budget,
    dead_letters,
    imported,
    key,
    organization,
    quarantine,
    reservation,
    spend,
    team,
    user,
    webhook,
)
from events.registry import check_upcasts

__all__ = [
    "alert",
    "audit",
    "budget",
    "dead_letters",
    "imported",
    "key",
    "organization",
    "quarantine",
    "reservation",
    "spend",
    "team",
    "user",
    "webhook",
]

check_upcasts()
