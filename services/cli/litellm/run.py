"""The import as a whole: what is read in which order, and what belongs to nothing."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from psycopg.sql import SQL, Identifier

from services.cli.litellm import budgets, keys, organizations, teams, users
from services.cli.litellm.columns import (
    DELETED_KEYS,
    DELETED_TEAMS,
    KEYS,
    MODELS,
    ORGANIZATION_MEMBERS,
    ORGANIZATIONS,
    PERMISSIONS,
    TEAM_MEMBERS,
    TEAMS,
    USERS,
)
from services.cli.litellm.ledger import REFUSALS, Ledger, finding_of
from services.cli.litellm.report import Report
from services.cli.litellm.source import Row, Source
from services.cli.litellm.things import Context, Kind, Related, Thing
from services.cli.litellm.values import Finding, Record
from services.command.application.store import EventStore
from services.database.connections import open_pool, service_conninfo
from services.database.vault import Vault

KINDS = (
    budgets.KIND,
    organizations.KIND,
    users.KIND,
    teams.GONE,
    teams.LIVE,
    keys.LIVE,
    keys.GONE,
)
"""What others refer to comes first; the lives of an id in the order in which they were lived. Keys
that live go before those that are gone: a token has one life, and the one that works is kept."""

_ORPHANS = SQL(
    "SELECT m.user_id, m.{name} AS of FROM {members} m "
    "WHERE NOT EXISTS (SELECT FROM {whole} t WHERE t.{name} = m.{name}) ORDER BY 2, 1"
)
_UNUSED = SQL(
    "SELECT t.{name}::text AS id FROM {table} t WHERE NOT EXISTS (SELECT FROM ({uses}) u "
    "WHERE u.used = t.{name}) ORDER BY 1"
)
_USES = SQL("SELECT {column} AS used FROM {table}")
_OWNED = (
    ("model table", MODELS, "id", "model_id", (TEAMS, DELETED_TEAMS)),
    (
        *("object permission", PERMISSIONS, "object_permission_id", "object_permission_id"),
        (ORGANIZATIONS, USERS, TEAMS, DELETED_TEAMS, KEYS, DELETED_KEYS),
    ),
)
"""Rows of their own that belong to others: where they stand, and who names them."""

_LONGEST = 300
Told = Callable[[int, int], None]


async def import_all(
    source: Source, url: str, root_key: bytes, report: Report, told: Told, *, rehearsal: bool
) -> str:
    """Import everything; the id of the run, which is the correlation id of its events."""
    conninfo = service_conninfo(url)
    pool = await open_pool(conninfo, 1, 2, "import")
    store = EventStore(pool, conninfo)
    try:
        vault = Vault(pool, root_key)
        await vault.open()
        context = Context(source, vault, datetime.now(UTC), rehearsal)
        ledger = Ledger(store, report, rehearsal=rehearsal)
        await _import_kinds(context, ledger, report, told)
        _note_orphans(source, report)
        _note_unused(source, report)
        return ledger.run
    finally:
        await store.close()
        await pool.close()


async def _import_kinds(context: Context, ledger: Ledger, report: Report, told: Told) -> None:
    total = sum(context.source.count(kind.table) for kind in KINDS)
    done = 0
    for kind in KINDS:
        for page in kind.pages(context.source):
            related = await kind.related(context, page)
            await ledger.take(list(_things(context, kind, page, related, report)))
            done += len(page)
            told(min(done, total), total)
    told(total, total)


def _things(
    context: Context, kind: Kind, page: list[Row], related: Related, report: Report
) -> Iterator[Thing]:
    """The rows that can be kept; the others are noted."""
    for row in page:
        record = Record(row)
        try:
            yield kind.convert(context, record, related)
        except REFUSALS as refusal:
            shown = _shown(kind, row)
            report.settle(kind.name, kind.table, shown, "refused", [finding_of(refusal)])
            if kind is users.KIND:
                context.refused_users.add(str(row["user_id"]))


def _shown(kind: Kind, row: Row) -> str:
    """How a refused row is named; what may be a secret in the clear is not repeated."""
    text = str(row.get(kind.identity))[:_LONGEST]
    return "(not shown)" if kind.table == KEYS else text


def _note_orphans(source: Source, report: Report) -> None:
    """Memberships in what is gone (register D32)."""
    for members, whole, name in (
        (TEAM_MEMBERS, TEAMS, "team_id"),
        (ORGANIZATION_MEMBERS, ORGANIZATIONS, "organization_id"),
    ):
        if not (source.has(members) and source.has(whole)):
            continue
        query = _ORPHANS.format(
            name=Identifier(name), members=Identifier(members), whole=Identifier(whole)
        )
        finding = Finding("repaired", name, "does not exist: the membership is left out")
        for page in source.pages(query):
            for row in page:
                shown = f"{row['of']}/{row['user_id']}"
                report.left_over("membership", members, shown, finding)


def _note_unused(source: Source, report: Report) -> None:
    """Rows that belonged to what is gone (register D32)."""
    for kind, table, name, column, owners in _OWNED:
        uses = [
            _USES.format(column=Identifier(column), table=Identifier(owner))
            for owner in owners
            if source.has(owner, column)
        ]
        if not (uses and source.has(table)):
            continue
        query = _UNUSED.format(
            name=Identifier(name), table=Identifier(table), uses=SQL(" UNION ALL ").join(uses)
        )
        finding = Finding("repaired", name, "belongs to nothing that is imported: left out")
        for page in source.pages(query):
            for row in page:
                report.left_over(kind, table, row["id"], finding)
