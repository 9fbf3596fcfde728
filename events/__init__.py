"""The facts of teamledger: what is recorded, published and replayed."""

from events import budget, key, organization, reservation, team, user
from events.registry import check_upcasts

__all__ = ["budget", "key", "organization", "reservation", "team", "user"]

check_upcasts()
