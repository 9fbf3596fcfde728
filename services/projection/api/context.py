"""What the routes of the read API work with, made once per process."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property

from services.database.connections import Pool
from services.database.vault import Vault
from services.projection.api.items import TeamItems
from services.projection.feed import Feed
from services.projection.head import Head
from services.projection.queries.key_lists import KeyPages
from services.projection.queries.principals import Principals
from services.projection.queries.reading import Totals
from services.projection.queries.spending import Spending
from services.projection.queries.team_pages import TeamPages
from services.projection.queries.teams import Teams
from services.projection.queries.user_lists import UserPages
from services.projection.runner import ProjectionGroup


@dataclass(frozen=True)
class ReadContext:
    """`master_key` is compared in constant time; `zone` aligns budget windows.

    `ledger_pool` leads to the ledger of usage, maybe in another database than the read models, and
    `reports_pool` as well: a long report keeps no other read waiting.
    `commands_stopped` tells readiness why commands of this process are not taken, or None;
    `available_teams` are ids of teams that are offered to everybody, there or not; `models` are the
    names of what the gateways serve.
    """

    read_pool: Pool
    events_pool: Pool
    ledger_pool: Pool
    reports_pool: Pool
    head: Head
    feed: Feed
    group: ProjectionGroup
    vault: Vault
    master_key: str
    key_header: str | None
    zone: tzinfo
    commands_stopped: Callable[[], str | None]
    available_teams: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    @cached_property
    def principals(self) -> Principals:
        """Who stands behind which key, kept while nothing changes."""
        return Principals(self.read_pool)

    @cached_property
    def teams(self) -> Teams:
        """Teams as a whole."""
        return Teams(self.read_pool)

    @cached_property
    def team_pages(self) -> TeamPages:
        """Pages of teams, and how many teams match a filter."""
        return TeamPages(self.read_pool)

    @cached_property
    def spending(self) -> Spending:
        """What things have spent in their windows."""
        return Spending(self.ledger_pool, self.read_pool, self.zone)

    @cached_property
    def team_items(self) -> TeamItems:
        """Teams as /v2/team/list shows them."""
        return TeamItems()

    @cached_property
    def key_pages(self) -> KeyPages:
        """Pages of keys, and how many keys match a filter."""
        return KeyPages(self.read_pool, self.spending)

    @cached_property
    def user_pages(self) -> UserPages:
        """Pages of users, and how many users match a filter."""
        return UserPages(self.read_pool, self.spending)

    @cached_property
    def reconciling(self) -> asyncio.Lock:
        """Held while the ledger is computed again: once at a time."""
        return asyncio.Lock()

    @cached_property
    def audit_totals(self) -> Totals:
        """How many audit entries match a filter."""
        return Totals()
