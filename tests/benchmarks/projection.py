"""Events per second from the store into the read models: `python -m tests.benchmarks.projection`.

Fills a store of its own with the history of a gateway that grows (teams, members one by one and
in lists, users, keys, budgets, metadata, roles), then measures reading and decoding, folding as
well, the running group from nothing to the head, and a rebuild with its comparison.
"""

import argparse
import asyncio
import gc
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal

import uvloop

from events.envelope import Envelope
from events.key import KeyGenerated, KeySettings
from events.registry import DomainEvent
from events.reservation import NameReserved
from events.streams import EMAIL, KEY, KEY_ALIAS, TEAM, USER, Stream, stream
from events.team import (
    MemberAdded,
    MemberRoleChanged,
    TeamBudgetChanged,
    TeamCreated,
    TeamMetadataChanged,
    TeamSettings,
)
from events.user import UserCreated, UserSettings
from events.values import Sealed, TeamBudget
from services.database.connections import Pool, open_pool, service_conninfo
from services.projection.feed.store import StoreFeed
from services.projection.head import Head
from services.projection.projectors import GROUP, contract_projectors
from services.projection.rebuild import rebuild
from services.projection.runner import ProjectionGroup
from tests.support.eventlog import History, append, create_read, create_store, owner
from tests.support.postgres import fresh_database, open_directory, running_server

Command = Sequence[tuple[Stream, DomainEvent]]
COMMANDS = [
    *("new", "user", "add", "add", "add_known", "add_known", "add_many"),
    *("budget", "metadata", "role", "role", "key", "key"),
]


def history(count: int) -> Iterator[list[Envelope]]:
    """Commands with about `count` facts, in the proportions of a gateway that grows."""
    chance = random.Random(1)
    log = History()
    while log.position < count:
        number = log.position
        team = stream(TEAM, f"team-{chance.randrange(1 + number // 20)}")
        kind = chance.choice(COMMANDS)
        yield log.command(*_command(kind, number, team))


def of_teams(count: int) -> Iterator[list[Envelope]]:
    """The same without users and keys: every fact is one of a team."""
    chance = random.Random(1)
    log = History()
    kinds = [kind for kind in COMMANDS if kind not in {"user", "add", "key"}]
    while log.position < count:
        number = log.position
        team = stream(TEAM, f"team-{chance.randrange(1 + number // 20)}")
        yield log.command(*_command(chance.choice(kinds), number, team))


def _command(  # noqa: PLR0911
    kind: str, number: int, team: Stream
) -> Command:
    match kind:
        case "new":
            created = stream(TEAM, f"team-{number // 20}-{number}")
            admin = MemberAdded(user_id="default_user_id", role="admin")
            return [(created, TeamCreated(settings=_settings(number))), (created, admin)]
        case "add":
            user = UserCreated(settings=UserSettings(person=f"p{number}"), implicit=True)
            return [_added(team, number), (stream(USER, f"u{number}"), user)]
        case "add_known":
            return [_added(team, number)]
        case "add_many":
            return [_added(team, number + n) for n in range(10)]
        case "key":
            key = KeySettings(key_name="sk-...abcd", key_alias=f"key {number}", user_id="ann")
            token = stream(KEY, f"{number:064x}")
            return [(token, KeyGenerated(settings=key)), _reserved(KEY_ALIAS, number)]
        case "user":
            email = Sealed(person=f"p{number}", box="b" * 60)
            user = UserCreated(settings=UserSettings(person=f"p{number}", email=email))
            return [(stream(USER, f"u{number}"), user), _reserved(EMAIL, number)]
        case _:
            return [(team, _change(kind, number))]


def _settings(number: int) -> TeamSettings:
    return TeamSettings(
        team_alias=f"alias {number}",
        metadata={"cost": number, "owner": "x"},
        budget=TeamBudget(max_budget=Decimal(100), budget_duration="30d"),
        models=["gpt-4o", "claude"],
    )


def _added(team: Stream, number: int) -> tuple[Stream, DomainEvent]:
    return team, MemberAdded(user_id=f"u{number}", role="user")


def _reserved(kind: str, number: int) -> tuple[Stream, DomainEvent]:
    return stream(kind, f"{number:064x}"), NameReserved(holder=f"u{number}")


def _change(kind: str, number: int) -> DomainEvent:
    if kind == "budget":
        after = TeamBudget(max_budget=Decimal(number))
        return TeamBudgetChanged(before=TeamBudget(), after=after)
    if kind == "metadata":
        return TeamMetadataChanged(before={}, after={"cost": number})
    return MemberRoleChanged(user_id=f"u{number}", before="user", after="admin")


async def _open(boxes: Sequence[Sealed]) -> Mapping[Sealed, str | None]:
    return {box: f"{box.person}@example.com" for box in boxes}


async def _measure(url: str, count: int) -> None:
    pool = await open_pool(service_conninfo(url), 2, 8, "benchmark")
    feed = StoreFeed(pool, service_conninfo(url))
    try:
        await _read(feed, count)
        await _read_and_fold(feed, count)
        await _live(pool, feed, count)
        await _rebuild(pool, feed, url, count)
    finally:
        await feed.close()
        await pool.close()


@contextmanager
def _timed(what: str, count: int) -> Iterator[None]:
    """Print events per second of the clock, and per second that this process computed."""
    wall, used = time.perf_counter(), time.process_time()
    yield
    wall, used = time.perf_counter() - wall, time.process_time() - used
    print(f"{what:16}{count / wall:10,.0f} events/s {count / used:10,.0f} events per CPU second")


async def _read(feed: StoreFeed, count: int) -> None:
    with _timed("read and decode", count):
        position = 0
        while position < count:
            position = (await feed.after(position))[-1].position


async def _read_and_fold(feed: StoreFeed, count: int) -> None:
    with _timed("and fold", count):
        position = 0
        while position < count:
            page = await feed.after(position)
            for projector in contract_projectors(_open):
                await projector.fold(page)
            position = page[-1].position


async def _live(pool: Pool, feed: StoreFeed, count: int) -> None:
    group = ProjectionGroup(GROUP, contract_projectors(_open), feed, pool, Head(pool))
    with _timed("running group", count):
        running = asyncio.create_task(group.run())
        await group.wait_for(count, 600)
    await group.stop()
    await running


async def _rebuild(pool: Pool, feed: StoreFeed, url: str, count: int) -> None:
    group = ProjectionGroup(GROUP, contract_projectors(_open), feed, pool, Head(pool))
    with _timed("rebuild", count):
        report = await rebuild(group, url, progress=lambda _position, _target: None)
    print(f"equal tables    {sum(table.equal for table in report.tables)} of {len(report.tables)}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    count = parser.parse_args().events
    with (
        open_directory() as parent,
        running_server(parent / "data") as server,
        fresh_database(server) as url,
    ):
        last = _fill(url, count)
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)  # as the service sets them
        uvloop.run(_measure(url, last))


def _fill(url: str, count: int) -> int:
    create_store(url)
    create_read(url)
    envelopes = [at for command in history(count) for at in command]
    with owner(url) as conn:
        append(conn, envelopes)
        conn.execute("VACUUM ANALYZE events.stored_events")
    return envelopes[-1].position


if __name__ == "__main__":
    main()
