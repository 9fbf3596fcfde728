"""Changes made over HTTP, and what each of them left in the audit log."""

import hashlib
from dataclasses import dataclass
from typing import Any

from tests.support.ledger import Ledger
from tests.support.service import MASTER_KEY

TEAM_TABLE, USER_TABLE = "LiteLLM_TeamTable", "LiteLLM_UserTable"
KEY_TABLE = "LiteLLM_VerificationToken"
NEWEST = 100


@dataclass(frozen=True, slots=True)
class Auditor:
    """Reads the log with the master key, the oldest entry first."""

    ledger: Ledger

    def after(self, path: str, body: object, key: str = MASTER_KEY, **headers: str) -> list[Any]:
        """The entries that an accepted request leaves."""
        before = self.ledger.position()
        self.ledger.done(path, body, key, **headers)
        return self.since(before)

    def since(self, position: int) -> list[Any]:
        """The entries after a position, of which there must be less than a page."""
        newest = self.ledger.shown("/audit", page_size=NEWEST, sort_by="position")["audit_logs"]
        found = [entry for entry in reversed(newest) if entry["position"] > position]
        assert len(found) < NEWEST
        return found

    def find(self, **query: str) -> list[Any]:
        """What a filter finds, up to a page."""
        page = self.ledger.shown("/audit", page_size=NEWEST, sort_order="asc", **query)
        found: list[Any] = page["audit_logs"]
        assert page["total"] == len(found)
        return found


def things(entries: list[Any]) -> list[tuple[str, str, str]]:
    """Action, table and id of each entry."""
    return [(e["action"], e["table_name"], e["object_id"]) for e in entries]


def values(entry: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """What was there before, what is there now."""
    return entry["before_value"], entry["updated_values"]


def token(secret: str) -> str:
    """The id under which a key is audited."""
    return hashlib.sha256(secret.encode()).hexdigest()
