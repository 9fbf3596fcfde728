"""Whose past a caller may read: that of what he may read now, and more of it to who sees all.

Of a team that is its admins, and admins of its organization, who see it when it is gone as well.
Other members read the team, not who did what in it (decision 017).
"""

from dataclasses import replace

from events.streams import KEY, ORGANIZATION, TEAM, USER
from services.access.organizations import check_organization_admin
from services.access.visibility import check_user_info, stranger_to_team
from services.edge.errors import ShapeA, ShapeB
from services.projection.api.asked import Asked, Text
from services.projection.api.dependencies import Reader
from services.projection.api.readable import readable_key, token_of
from services.projection.queries.lives import lives_of
from services.projection.queries.organizations import named_organizations
from services.projection.queries.past import Past, Thing


class OfTeam(Asked):
    """A team; its id may hold slashes."""

    team_id: Text


class OfUser(Asked):
    """A user."""

    user_id: Text


class OfKey(Asked):
    """A key, itself or its sha256."""

    key: Text


class OfOrganization(Asked):
    """An organization."""

    organization_id: Text


def log(reader: Reader) -> Past:
    """The log as this reader asks it."""
    return Past(reader.context.events_pool, reader.context.read_pool)


async def team_of(reader: Reader, query: OfTeam) -> Thing:
    """404 for an id that no team ever had, 403 to strangers whether there is one or not (D09)."""
    thing = Thing(TEAM, query.team_id)
    if reader.principal.reads_everything:
        return await _known(reader, thing, f"Team not found, passed team id: {query.team_id}.")
    thing = await _lived(reader, thing)
    if not thing.lives:
        raise ShapeB(403, stranger_to_team(reader.principal, query.team_id))
    return thing


async def user_of(reader: Reader, query: OfUser) -> Thing:
    """As /user/info has it: everybody sees himself."""
    check_user_info(reader.principal, query.user_id)
    thing, missing = Thing(USER, query.user_id), f"User {query.user_id} not found"
    if reader.principal.reads_everything:
        return await _known(reader, thing, missing)
    thing = await _lived(reader, thing)
    if not thing.lives:
        raise ShapeA(404, missing)
    return thing


async def key_of(reader: Reader, query: OfKey) -> Thing:
    """As /key/info has it; keys that are gone are seen by who sees every key."""
    thing = Thing(KEY, token_of(query.key))
    if reader.principal.reads_everything:
        return await _known(reader, thing, "Key not found in database")
    await readable_key(reader, thing.identity)
    return thing


async def organization_of(reader: Reader, query: OfOrganization, path: str) -> Thing:
    """As /organization/info has it."""
    thing = Thing(ORGANIZATION, query.organization_id)
    if reader.principal.reads_everything:
        return await _known(reader, thing, "Organization not found")
    async with reader.context.read_pool.connection() as connection:
        _, [named] = await named_organizations(connection, reader.principal, [thing.identity])
    check_organization_admin(path, reader.principal, named.standing, reads=True)
    return await _lived(reader, thing)


async def _known(reader: Reader, thing: Thing, missing: str) -> Thing:
    if not await log(reader).known(thing):
        raise ShapeA(404, missing)
    return thing


async def _lived(reader: Reader, thing: Thing) -> Thing:
    pool, principal = reader.context.read_pool, reader.principal
    return replace(thing, lives=await lives_of(pool, principal, thing.kind, thing.identity))
