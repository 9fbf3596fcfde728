"""Organizations with their budgets: some by id, or all that a caller may see (4, A04, S17)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import orjson
from psycopg.sql import SQL

from services.access.organizations import ORGANIZATION_ADMIN, OrganizationStanding
from services.access.principal import Principal
from services.edge.shapes.organization import OrganizationView
from services.projection.queries.budgets import BUDGET, LAST_BUDGET, budget_view
from services.projection.queries.reading import POSITION, Connection, Row, chunks, run
from services.projection.queries.records import LAST_ORGANIZATION
from services.projection.queries.spend_books import ORGANIZATION_BOOK, spend_book
from services.spend.books import SpendBook
from services.spend.budgets import Account
from services.spend.spenders import Spender

_CHUNK = 20
_TEAMS_TOTAL = SQL(
    "(SELECT count(*) FROM read.teams_1 t WHERE t.organization_id = o.organization_id "
    "AND t.deleted_at IS NULL)"
)
_ORGANIZATION = SQL(
    "c.role, o.incarnation, o.version, o.members_total, {teams_total}, {book}::text, "
    "o.organization_id, o.settings::text, o.metadata::text, o.created_at, o.created_by, "
    "o.updated_at, o.updated_by, {budget}"
).format(teams_total=_TEAMS_TOTAL, book=ORGANIZATION_BOOK, budget=BUDGET)
_BESIDES = SQL(
    "LEFT JOIN read.organization_members_1 c ON c.organization_id = o.organization_id "
    "AND c.incarnation = o.incarnation AND c.user_id = %(caller)s "
    "LEFT JOIN LATERAL {last_budget} b ON b.deleted_at IS NULL"
).format(last_budget=LAST_BUDGET.format(budget_id=SQL("o.budget_id")))
_MINE = SQL(
    "read.organization_members_1 mine JOIN read.organizations_1 o "
    "ON o.organization_id = mine.organization_id AND o.incarnation = mine.incarnation "
    "AND mine.user_id = %(caller)s"
)
_IN_ANY = SQL("EXISTS (SELECT FROM {mine} WHERE o.deleted_at IS NULL)").format(mine=_MINE)
_BY_ID = (
    SQL(
        """
        SELECT {position}, {in_any}, {organization}
        FROM unnest(%(organization_ids)s::text[]) WITH ORDINALITY q (organization_id, place)
        LEFT JOIN LATERAL {last} o ON o.deleted_at IS NULL {besides}
        ORDER BY q.place
        """
    )
    .format(
        position=POSITION,
        in_any=_IN_ANY,
        organization=_ORGANIZATION,
        last=LAST_ORGANIZATION.format(organization_id=SQL("q.organization_id")),
        besides=_BESIDES,
    )
    .as_bytes()
)
_MATCHES = SQL(
    "o.deleted_at IS NULL AND (%(org_id)s::text IS NULL OR o.organization_id = %(org_id)s) "
    "AND (%(alias_part)s::text IS NULL OR strpos(o.alias_lower, %(alias_part)s) > 0)"
)
_LIST = SQL(
    "SELECT {organization} FROM {organizations} {besides} WHERE {matches} "
    "ORDER BY o.created_at DESC, o.organization_id LIMIT %(size)s OFFSET %(beyond)s"
)
_COUNT = SQL("SELECT {position}, (SELECT count(*) FROM {organizations} WHERE {matches})")


def _of(organizations: SQL, statement: SQL) -> bytes:
    return statement.format(
        position=POSITION,
        organization=_ORGANIZATION,
        organizations=organizations,
        besides=_BESIDES,
        matches=_MATCHES,
    ).as_bytes()


_EVERY = SQL("read.organizations_1 o")
_STATEMENTS = {
    mine: (_of(source, _COUNT), _of(source, _LIST))
    for mine, source in ((False, _EVERY), (True, _MINE))
}


@dataclass(frozen=True, slots=True)
class FoundOrganization:
    """An organization; `role` is the caller's in it, if he is a member.

    `version` is that of its stream, `book` what bears on its spend.
    """

    view: OrganizationView
    incarnation: int
    version: int
    role: str | None
    members_total: int
    teams_total: int
    book: SpendBook

    @property
    def life(self) -> tuple[str, int]:
        """What its rows are found by."""
        return self.view.organization_id, self.incarnation

    @property
    def spender(self) -> Spender:
        """The organization as it spends."""
        account = Account("organization", *self.life)
        return self.book.spender(account, self.book.of_organization)

    def member(self, user_id: str) -> Spender:
        """A member as he spends."""
        return self.book.organization_member(*self.life, user_id)

    def shown_whole(self, principal: Principal) -> bool:
        """Whether the caller sees all members and teams, or only where he is himself."""
        return principal.reads_everything or self.role == ORGANIZATION_ADMIN


@dataclass(frozen=True, slots=True)
class OrganizationFilter:
    """All given must hold; `mine`: only where the caller is a member."""

    mine: bool
    org_id: str | None = None
    alias_part: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """An organization that was asked for, there or not, and what the caller is to it."""

    standing: OrganizationStanding
    found: FoundOrganization | None


async def named_organizations(
    connection: Connection, principal: Principal, organization_ids: Sequence[str]
) -> tuple[int, list[Named]]:
    """Position, and each of these in the given order, once."""
    asked = list(dict.fromkeys(organization_ids))
    parameters = {"organization_ids": asked, "caller": _caller(principal)}
    rows = await run(connection, _BY_ID, parameters, prepare=True)
    named = [
        Named(OrganizationStanding(of, row[2], row[1]), _found(row[2:]))
        for of, row in zip(asked, rows, strict=True)
    ]
    return rows[0][0], named


async def count_organizations(
    connection: Connection, principal: Principal, wanted: OrganizationFilter
) -> tuple[int, int]:
    """Position, and how many organizations match."""
    statement = _STATEMENTS[wanted.mine][0]
    [(position, total)] = await run(connection, statement, _parameters(principal, wanted))
    return position, total


async def organizations_within(
    connection: Connection,
    principal: Principal,
    wanted: OrganizationFilter,
    size: int | None,
    beyond: int,
) -> AsyncIterator[list[FoundOrganization]]:
    """The newest that match first: `size` of them, or all, after the first `beyond`."""
    parameters = {**_parameters(principal, wanted), "size": size, "beyond": beyond}
    async for rows in chunks(connection, _STATEMENTS[wanted.mine][1], parameters, _CHUNK):
        yield [found for row in rows if (found := _found(row)) is not None]


def _caller(principal: Principal) -> str | None:
    return principal.user_id if principal.user_known else None


def _parameters(principal: Principal, wanted: OrganizationFilter) -> dict[str, object]:
    part = wanted.alias_part
    return {
        "caller": _caller(principal),
        "org_id": wanted.org_id,
        "alias_part": None if part is None else part.lower(),
    }


def _found(columns: Row) -> FoundOrganization | None:
    role, incarnation, version, members_total, teams_total, book, organization_id, *rest = columns
    if organization_id is None:
        return None
    settings, metadata, created_at, created_by, updated_at, updated_by, *budget = rest
    view = OrganizationView(
        organization_id=organization_id,
        settings={**orjson.loads(settings), "metadata": orjson.loads(metadata)},
        budget=budget_view(tuple(budget)),
        created_at=created_at,
        created_by=created_by,
        updated_at=updated_at,
        updated_by=updated_by,
    )
    return FoundOrganization(
        view=view,
        incarnation=incarnation,
        version=version,
        role=role,
        members_total=members_total,
        teams_total=teams_total,
        book=spend_book(book),
    )
