"""The command side of a process: everything it holds, opened in order and closed in reverse."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from zoneinfo import ZoneInfo

from events.envelope import Envelope
from services.command.api.context import Context
from services.command.application.budget_watch import BudgetWatch
from services.command.application.chores import Chores
from services.command.application.day_sums import DaySums
from services.command.application.ledger import Ledger
from services.command.application.ledger_store import LedgerStore
from services.command.application.loop import CommandLoop
from services.command.application.quarantine import SETTLE, Quarantine
from services.command.application.store import EventStore
from services.database.connections import entered_pool
from services.database.opened import EventDatabase
from services.database.secrets import Secrets
from services.edge.usage.delivery import UsageLimits
from services.settings import Settings

OnCommit = Callable[[Sequence[Envelope]], None]


def _nobody(_: Sequence[Envelope]) -> None:
    pass


async def started_loop(
    settings: Settings,
    events: EventDatabase,
    stack: AsyncExitStack,
    *,
    on_commit: OnCommit = _nobody,
) -> CommandLoop:
    """It takes commands until the stack is closed; `on_commit` is handed what was committed."""
    loop = CommandLoop(
        EventStore(events.pool, events.conninfo),
        queue_size=settings.queue_size,
        deadline=settings.command_deadline,
        on_commit=on_commit,
    )
    await loop.start()
    stack.push_async_callback(loop.stop)
    return loop


async def started_commands(
    settings: Settings,
    secrets: Secrets,
    events: EventDatabase,
    stack: AsyncExitStack,
    loop: CommandLoop,
) -> Context:
    """Requests may be carried out once this returns, until the stack is closed.

    What goes on beside them does so here: booking usage, chores, sums, budgets that are watched.
    """
    ledger = Ledger(
        LedgerStore(await entered_pool(stack, events.conninfo, "ledger", 1, 2)),
        deadline=settings.command_deadline,
    )
    ledger.start()
    stack.push_async_callback(ledger.stop)
    quarantine = Quarantine(loop, ledger, events.pool)
    chores = Chores(loop, events.pool, {SETTLE: quarantine.carry_out})
    chores.start()
    stack.push_async_callback(chores.stop)
    day_sums = DaySums(events.pool)
    day_sums.start()
    stack.push_async_callback(day_sums.stop)
    zone = ZoneInfo(settings.timezone)
    watch = BudgetWatch(loop, events.pool, settings.alert_thresholds, zone)
    watch.start()
    stack.push_async_callback(watch.stop)
    return Context(
        loop=loop,
        ledger=ledger,
        quarantine=quarantine,
        vault=events.vault,
        master_keys=secrets.master_keys,
        key_header=settings.key_header_name,
        zone=zone,
        ledger_pool=events.pool,
        available_teams=frozenset(settings.available_teams),
        usage_limits=UsageLimits(settings.max_usage_bytes, settings.max_usage_items),
        private_webhooks=settings.webhook_private_targets,
    )
