"""The facts of teamledger: what is recorded, published and replayed."""

from events import key, reservation, team, user
from events.registry import check_upcasts

__all__ = ["key", "reservation", "team", "user"]

check_upcasts()
