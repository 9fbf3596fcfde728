"""Whether processes have the database open that a change of keys would take by surprise."""

from typing import Any

import psycopg

from services.database.connections import REPORTS_NAME, SERVICE_NAME

_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = ANY (%s)
"""


class StillUsed(Exception):
    """Processes have the database open that would go on under the old key."""


def check_unused(conn: psycopg.Connection[Any]) -> None:
    """Raise StillUsed while the service has sessions there; relays, who know no keys, may."""
    row = conn.execute(_OTHERS, ([SERVICE_NAME, REPORTS_NAME],)).fetchone()
    if row is not None and row[0]:
        raise StillUsed(
            f"{row[0]} sessions of the service are open: stop all processes but relays first"
        )
