"""An older copy of the log, kept aside and put back by hand: what no follower may go on over."""

from typing import Any

import psycopg

TABLES = ("events.stored_events", "ops.dependents", "ops.person_keys", "ops.idempotency")


def keep(conn: psycopg.Connection[Any]) -> None:
    """Copy events and what belongs to them aside, as they are now."""
    conn.execute("CREATE SCHEMA kept")
    for table in TABLES:
        conn.execute(f"CREATE TABLE kept.{table.partition('.')[2]} AS TABLE {table}".encode())


def put_back(conn: psycopg.Connection[Any]) -> None:
    """Put the copy in the place of what was written since, in one moment and epoch."""
    with conn.transaction():
        conn.execute(f"TRUNCATE {', '.join(TABLES)}".encode())
        for table in TABLES:
            conn.execute(f"INSERT INTO {table} TABLE kept.{table.partition('.')[2]}".encode())


def new_epoch(conn: psycopg.Connection[Any]) -> None:
    """As a restored backup has it."""
    conn.execute("UPDATE events.store SET epoch = gen_random_uuid()")
