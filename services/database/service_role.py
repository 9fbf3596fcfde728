"""The role under which the service works, apart from the owner of schemas and tables.

Roles belong to the whole server, not to a database, so several databases may make it at once.
"""

from typing import Any

import psycopg
from psycopg import errors, sql

from services.database.connections import SERVICE_ROLE

ATTEMPTS = 20
ROLE = sql.Identifier(SERVICE_ROLE)


class NoServiceRole(Exception):
    """The current user may not make the service role or take it on; says what a DBA must run."""


def ensure_service_role(conn: psycopg.Connection[Any]) -> None:
    """Have the role exist, without login, and be granted to the current user.

    The connection is in autocommit. Raises NoServiceRole.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _create_unless_there(conn)
            _grant_unless_taken_on(conn)
        except errors.InsufficientPrivilege as refused:
            raise NoServiceRole(_for_the_dba(conn)) from refused
        except (errors.DuplicateObject, errors.UniqueViolation, errors.InternalError_):
            if attempt == ATTEMPTS:  # otherwise another database was first: look again
                raise
        else:
            return


def _create_unless_there(conn: psycopg.Connection[Any]) -> None:
    found = conn.execute("SELECT FROM pg_roles WHERE rolname = %s", (SERVICE_ROLE,)).fetchone()
    if found is None:
        conn.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(ROLE))


def _grant_unless_taken_on(conn: psycopg.Connection[Any]) -> None:
    """Trying is the only test that means the same from PostgreSQL 15 to 18."""
    try:
        with conn.transaction():
            conn.execute(sql.SQL("SET LOCAL ROLE {}").format(ROLE))
    except errors.InsufficientPrivilege:
        conn.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(ROLE))


def _for_the_dba(conn: psycopg.Connection[Any]) -> str:
    user = sql.Identifier(conn.info.user)
    create = sql.SQL("CREATE ROLE {} NOLOGIN;").format(ROLE).as_string(conn)
    grant = sql.SQL("GRANT {} TO {};").format(ROLE, user).as_string(conn)
    return (
        f"user {conn.info.user} may neither make the role {SERVICE_ROLE} nor take it on. "
        f"A database administrator must run once (the first line only if the role is absent):\n"
        f"  {create}\n  {grant}"
    )
