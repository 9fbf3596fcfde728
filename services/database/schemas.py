"""The schemas of log, ledger and read models, and how they are brought up to date."""

from dataclasses import dataclass
from pathlib import Path

import psycopg

from services.database.connections import DatabaseUnusable, owner_conninfo
from services.database.migrations import migrate

MIGRATIONS = Path(__file__).parent / "migrations"
EVENT_MIGRATIONS, READ_MIGRATIONS = MIGRATIONS / "events", MIGRATIONS / "read"
_LOG = """
SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'events' AND c.relname = 'stored_events'
"""


@dataclass(frozen=True, slots=True)
class Databases:
    """Addresses of the database of the events, and of that of the read models: often the same."""

    events: str
    reads: str

    def prepare(self) -> None:
        """Bring both schemas up to date, as the owner of each."""
        prepare_events(self.events)
        migrate(owner_conninfo(self.reads), READ_MIGRATIONS, schema="read")


def prepare_database(url: str) -> None:
    """Bring the schemas of both, in one database, up to date."""
    Databases(url, url).prepare()


def prepare_events(url: str) -> None:
    """Bring the schemas of log and ledger up to date, as the owner."""
    migrate(owner_conninfo(url), EVENT_MIGRATIONS, schema="ops")


def check_log(url: str) -> None:
    """Raise DatabaseUnusable unless there is a log: what is somebody else's is left as it is."""
    with psycopg.connect(owner_conninfo(url), autocommit=True) as conn:
        if conn.execute(_LOG).fetchone() is None:
            raise DatabaseUnusable("it has no events: `teamledger serve` never ran on it")
