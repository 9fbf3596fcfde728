"""A read API over a ledger in which several people and teams have spent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from events.organization import OrganizationDeleted
from events.streams import BUDGET, ORGANIZATION, Stream, stream
from events.team import TeamDeleted
from events.usage import UsageCorrected
from services.access.credentials import hash_key
from services.command.domain.usage import Attribution, Life
from services.database.embedded import EmbeddedServer
from tests.support.facts import (
    budget_created,
    entered,
    organization_created,
    organization_settings,
    settings,
)
from tests.support.postgres import fresh_database
from tests.support.reading import World, reading, team
from tests.support.usage import Books, opened_books, used

DAYS: dict[str, Any] = {"start_date": "2026-11-01", "end_date": "2026-11-30"}
ACME, OTHER = "acme", "other"
ANN, BOB, SERVICE = "sk-ann", "sk-bob", "sk-service"


def org(organization_id: str) -> Stream:
    return stream(ORGANIZATION, organization_id)


@asynccontextmanager
async def spent_world(server: EmbeddedServer) -> AsyncIterator[World]:
    """Olga leads acme, whose teams are `red`, led by ann, and `blue`; bob is in both of them.

    Spent, in USD: ann 1 in red; bob 2 in red, 4 in blue, 8 in a team that is gone; a key of blue
    that is nobody's 16; nobody knows who 32, and ann on her own 64.
    """
    with fresh_database(server) as url:
        async with reading(url) as world, opened_books(url) as books:
            await _people(world)
            await _calls(world, books)
            yield world


async def _people(world: World) -> None:
    for name, role in (("root", "proxy_admin"), ("pat", "proxy_admin_viewer")):
        await world.user(name, role=role)
        world.key(f"sk-{name}", user_id=name)
    for name in ("olga", "ann", "bob", "idle"):
        await world.user(name)
        world.key(f"sk-{name}", user_id=name, key_alias=f"{name}'s")
    world.tell((stream(BUDGET, "b"), budget_created()))
    for name in (ACME, OTHER):
        world.tell((org(name), organization_created(organization_alias="Acme")))
    world.tell((org(ACME), entered("olga", "org_admin")))
    members = {"ann": "admin", "bob": "user"}
    world.team("red", members, organization_id=ACME, team_alias="Same")  # type: ignore[arg-type]
    world.team("blue", {"bob": "user"}, organization_id=ACME, team_alias="Same")
    world.team("gone", {"bob": "user"}, organization_id=OTHER)
    world.key(SERVICE, team_id="blue", key_alias="service")
    world.team("litellm-dashboard", {"ann": "user", "bob": "user"})
    for name in ("ann", "bob"):
        world.key(f"sk-{name}-session", team_id="litellm-dashboard", user_id=name)


def _paying(world: World, of: str | None, who: str | None, secret: str, within: str) -> Attribution:
    lives = world.history.incarnations
    return Attribution(
        organization=Life(within, lives[org(within)], f"{within} then") if of else None,
        team=Life(of, lives[team(of)], f"=team {of}") if of else None,
        user=Life(who, 1) if who else None,
        key=Life(hash_key(secret), 1, f"@{secret}"),
    )


async def _calls(world: World, books: Books) -> None:
    evening = datetime(2026, 11, 17, 23, 30, tzinfo=UTC)
    spent = [
        ("red", "ann", ANN, ACME, {"model": "gpt-4o", "tags": ("a", "=b"), "at": evening}),
        ("red", "bob", BOB, ACME, {"model": "o3", "tags": ("a",)}),
        ("blue", "bob", BOB, ACME, {"model": "gpt-4o", "failed": True}),
        ("gone", "bob", BOB, OTHER, {"model": "gpt-4o", "provider": "azure"}),
        ("blue", None, SERVICE, ACME, {"model": "o3"}),
    ]
    for number, (of, who, secret, within, told) in enumerate(spent):
        call = used(number, str(2**number), key=hash_key(secret), **told)  # type: ignore[arg-type]
        await books.book(call, by=_paying(world, of, who, secret, within))
    await books.book(used(5, "32"), by=Attribution(unattributed="unknown key"))
    await books.book(used(6, "63.5", key=hash_key(ANN)), by=_paying(world, None, "ann", ANN, ACME))
    await books.book(UsageCorrected(id="fix", corrects="call-6", cost="0.5"))
    world.tell((team("gone"), TeamDeleted(settings=settings(), members_total=1)))
    world.tell((org(OTHER), OrganizationDeleted(settings=organization_settings())))
