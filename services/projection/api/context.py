"""What the routes of the read API work with, made once per process."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property

from services.database.connections import Pool
from services.database.security_log import SecurityLog
from services.database.vault import Vault
from services.projection.api.copying import RecordCopy
from services.projection.api.infos import TeamInfos
from services.projection.api.items import TeamItems
from services.projection.decisions.changes import Changes
from services.projection.decisions.decider import Decider
from services.projection.decisions.index import PolicyIndex
from services.projection.decisions.origins import Origins
from services.projection.feed import Feed
from services.projection.head import Head
from services.projection.past.moment import Moment
from services.projection.past.snapshotter import Snapshotter
from services.projection.queries.key_lists import KeyPages
from services.projection.queries.keys import Keys
from services.projection.queries.principals import Principals
from services.projection.queries.reading import Totals
from services.projection.queries.spending import Spending
from services.projection.queries.team_pages import TeamPages
from services.projection.queries.teams import Teams
from services.projection.queries.user_lists import UserPages
from services.projection.runner import NotReached, ProjectionGroup
from services.projection.webhooks.messages import Messages
from services.spend.following import LedgerFollower
from services.spend.reservations import Reservations

WAIT_SECONDS = 1.0
PASTS_AT_ONCE = 2


@dataclass(frozen=True)
class ReadContext:
    """`master_keys` are the present one and maybe a previous one; `zone` aligns budget windows.

    `ledger_pool` leads to the event database, with the ledger of usage; read models may be in
    another one. `reports_pool` leads there as well: a long report keeps no other read waiting.
    `commands_stopped` tells readiness why commands of this process are not taken, or None;
    `available_teams` are ids of teams that are offered to everybody, there or not; `models` are the
    names of what the gateways serve. `sealing_stopped` tells why events are not sealed any more, or
    None. `strict` keeps LiteLLM's wording in what gateways are to tell
    their callers. `record_copy` records that a copy is taken; without it nobody may.
    `security_log` tells what was refused. With `then` it is the past that `read_pool` and
    the ledger are asked about.
    """

    read_pool: Pool
    events_pool: Pool
    ledger_pool: Pool
    reports_pool: Pool
    head: Head
    feed: Feed
    group: ProjectionGroup
    vault: Vault
    master_keys: tuple[str, ...]
    key_header: str | None
    zone: tzinfo
    commands_stopped: Callable[[], str | None]
    security_log: SecurityLog
    available_teams: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    strict: bool = False
    then: Moment | None = None
    record_copy: RecordCopy | None = None
    sealing_stopped: Callable[[], str | None] = lambda: None

    async def reached(self, position: int) -> None:
        """Return once the read models hold everything up to `position`; raises NotReached.

        Projections that have failed answer nothing, even where they were at the head: the store may
        not be the one they were made from.
        """
        self.check()
        await self.group.wait_for(position, timeout=WAIT_SECONDS)

    def check(self) -> None:
        """Raise NotReached if projections have failed."""
        if self.group.failed is not None:
            raise NotReached(self.group.failed)

    @cached_property
    def principals(self) -> Principals:
        """Who stands behind which key, kept while nothing changes."""
        return Principals(self.read_pool)

    @cached_property
    def teams(self) -> Teams:
        """Teams as a whole."""
        return Teams(self.read_pool)

    @cached_property
    def keys(self) -> Keys:
        """Keys by their hashes."""
        return Keys(self.read_pool)

    @cached_property
    def team_pages(self) -> TeamPages:
        """Pages of teams, and how many teams match a filter."""
        return TeamPages(self.read_pool)

    @cached_property
    def spending(self) -> Spending:
        """What things have spent in their windows."""
        then = None if self.then is None else self.then.ledger
        return Spending(self.ledger_pool, self.read_pool, self.zone, lambda: self.head.booked, then)

    @cached_property
    def decider(self) -> Decider:
        """Decides for gateways; its reservations are to be started, and stopped in the end."""
        follower = LedgerFollower(self.ledger_pool)
        changes = Changes(self.ledger_pool)
        return Decider(
            PolicyIndex(self.read_pool, changes, self.reached, self.spending),
            follower,
            Reservations(self.ledger_pool, follower),
            Origins(self.ledger_pool, self.read_pool),
            self.zone,
        )

    @cached_property
    def team_items(self) -> TeamItems:
        """Teams as /v2/team/list shows them."""
        return TeamItems()

    @cached_property
    def team_infos(self) -> TeamInfos:
        """Teams as /team/info shows them."""
        return TeamInfos(self.spending, self.zone)

    @cached_property
    def key_pages(self) -> KeyPages:
        """Pages of keys, and how many keys match a filter."""
        return KeyPages(self.read_pool, self.spending)

    @cached_property
    def user_pages(self) -> UserPages:
        """Pages of users, and how many users match a filter."""
        return UserPages(self.read_pool, self.spending)

    @cached_property
    def messages(self) -> Messages:
        """Makes messages to webhooks."""
        return Messages(self.events_pool, self.read_pool, self.reached)

    @cached_property
    def reconciling(self) -> asyncio.Lock:
        """Held while the ledger is computed again: once at a time."""
        return asyncio.Lock()

    @cached_property
    def pasts(self) -> asyncio.Semaphore:
        """Held while the past is asked: so many connections are left to the present."""
        return asyncio.Semaphore(PASTS_AT_ONCE)

    @cached_property
    def snapshotter(self) -> Snapshotter:
        """Makes snapshots; to be started, and stopped in the end."""
        return Snapshotter(self.events_pool, self.read_pool, self.group)

    @cached_property
    def audit_totals(self) -> Totals:
        """How many audit entries match a filter."""
        return Totals()
