"""Who provokes refusals, and what is wrong with what he sends."""

from services.command.application.ledger_page import entry_id
from tests.e2e.provocation import Provocation

STRANGER, KEYLESS_USER, MEMBER = "eve", "nobody", "mia"
COLLEAGUE, OUTSIDER, LEADER = "ivo", "oda", "lea"
"""Of the organization of the examples a mere member, a member of another one, and its admin."""

SESSION = "session"
"""Eve's key at a dashboard."""

CLOSED_TEAM = "closed"

BOOKED, DISCARDED = (entry_id("eu", name).hex() for name in ("booked", "discarded"))
"""Calls that waited in quarantine until something was decided about them."""

NO_TEAM = {"team_id": "missing"}
NEGATIVE = {"max_budget": -1}
ORDER = {"soft_budget": 20, "max_budget": 10}
NO_ORGANIZATION = {"organization_id": "missing"}
RESEARCH = {"organization_id": "research"}
GUARANTEED = {"tpm_limit": 200, "tpm_limit_type": "guaranteed_throughput"}
TAKEN = {"key_alias": "ann-laptop"}
OTHER_PERSON = {"user_id": "bob", "user_email": "ann@example.com", "role": "user"}
CORE = {"team_id": "core"}


def by(key: str, **query: str) -> Provocation:
    """A query of whoever has that key."""
    return Provocation(query=query, key=key)
