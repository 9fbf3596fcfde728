"""The cache of the command loop stays within its bytes and never tells what is not so."""

import tracemalloc
from collections.abc import Iterable
from dataclasses import replace

import orjson
import pytest
from rpds import HashTrieMap

from events.streams import TEAM, USER, Stream, stream
from events.team import TeamDeleted, TeamSettings
from events.user import UserSettings
from events.values import JsonObject
from services.command.application.cache import KEPT_CHILDREN, LINK_WEIGHT, Cache, Children
from services.command.application.folds import fold_of
from services.command.domain.dependents import TEAMS, Link
from services.command.domain.user import User
from tests.support.eventlog import History
from tests.support.facts import joined

KNOWN = User(incarnation=1, open=True, version=1)
WEIGHT = fold_of(stream(USER, "x")).weight(KNOWN)
USERS = [stream(USER, str(number)) for number in range(100)]


def cached(cache: Cache, names: Iterable[Stream] = USERS) -> list[Stream]:
    return [name for name in names if cache.state(name) is not None]


def teams(number: int) -> Children:
    return HashTrieMap({stream(TEAM, str(n)): n for n in range(number)})


def test_what_was_used_longest_ago_goes_first() -> None:
    cache = Cache(10 * WEIGHT)
    for name in USERS[:10]:
        cache.keep(name, KNOWN)
    assert cache.state(USERS[0]) == KNOWN
    cache.keep(USERS[10], KNOWN)
    cache.trim()
    assert cached(cache) == [USERS[0], *USERS[2:11]]


def test_a_state_that_is_replaced_counts_once() -> None:
    cache = Cache(2 * WEIGHT)
    cache.keep(USERS[0], KNOWN)
    for _ in range(100):
        cache.keep(USERS[1], KNOWN)
    cache.trim()
    assert cached(cache) == USERS[:2]


@pytest.mark.parametrize(
    "metadata",
    [{"text": "x" * 20_000}, {"parts": [[]] * 7_000}, {str(n): n for n in range(2_000)}],
    ids=["text", "parts", "names"],
)
def test_states_count_by_what_callers_put_into_them(metadata: JsonObject) -> None:
    """As many as the bound has room for by what they really take, or by a third of it."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        held = [orjson.loads(orjson.dumps(metadata)) for _ in USERS]
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    cache = Cache(taken // 10)
    for name, each in zip(USERS, held, strict=True):
        settings = UserSettings(person="p", metadata=each)
        cache.keep(name, replace(KNOWN, settings=settings))
        cache.keep(name, replace(KNOWN, settings=settings, version=2))
    cache.trim()
    assert 3 <= len(cached(cache)) <= 12


def test_link_sets_count_by_their_size() -> None:
    cache = Cache(WEIGHT + 11 * LINK_WEIGHT)
    cache.keep(USERS[0], KNOWN)
    keys = [(str(name), TEAMS) for name in USERS]
    for key in keys:
        cache.keep_children(key, teams(10))
    cache.trim()
    assert sum(cache.children(key) is not None for key in keys) <= 1
    cache.restart(None)
    cache.keep_children(keys[0], teams(0))
    cache.apply_links(Link("add", *keys[0], stream(TEAM, str(n)), n) for n in range(20))
    cache.keep(USERS[0], KNOWN)
    cache.trim()
    assert not (cached(cache) and cache.children(keys[0]) is not None)


def test_links_that_went_are_not_counted_any_more() -> None:
    cache = Cache(WEIGHT + 2 * LINK_WEIGHT)
    key = (str(USERS[0]), TEAMS)
    cache.keep_children(key, teams(0))
    for number in range(50):
        link = (*key, stream(TEAM, str(number)))
        cache.apply_links([Link("add", *link, number), Link("remove", *link)])
        cache.apply_links([Link("add", *link, number), Link("drop", "", TEAMS, link[2])])
    cache.keep(USERS[0], KNOWN)
    cache.trim()
    assert (cached(cache), cache.children(key)) == ([USERS[0]], teams(0))


def test_a_set_that_outgrows_the_cache_is_not_kept() -> None:
    cache = Cache(10**9)
    key = (str(USERS[0]), TEAMS)
    cache.keep_children(key, teams(KEPT_CHILDREN))
    assert cache.children(key) == teams(KEPT_CHILDREN)
    cache.apply_links([Link("add", *key, stream(TEAM, "one more"), 1)])
    assert cache.children(key) is None
    cache.keep_children(key, teams(KEPT_CHILDREN + 1))
    assert cache.children(key) is None


def test_only_what_is_cached_follows_the_news() -> None:
    cache = Cache(10**9)
    key = (stream(USER, "ann"), TEAMS)
    cache.keep_children(key, teams(0))
    history = History()
    team = stream(TEAM, "t")
    cache.follow(history.command((team, joined("ann")), (team, joined("bob"))))
    assert cache.children(key) == HashTrieMap({team: 1})
    assert cache.children((stream(USER, "bob"), TEAMS)) is None
    ended = TeamDeleted(settings=TeamSettings(), members_total=2)
    cache.follow(history.command((team, ended)))
    assert cache.children(key) == teams(0)
    assert cache.head == 3


def test_nothing_is_left_of_a_cache_without_room() -> None:
    cache = Cache(0)
    for name in USERS:
        cache.keep(name, KNOWN)
        cache.keep_children((name, TEAMS), teams(3))
    cache.trim()
    assert cached(cache) == []
    assert all(cache.children((name, TEAMS)) is None for name in USERS)
