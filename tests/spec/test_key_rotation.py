"""A new secret for a key: supporting-api.md 2.8, S06, A08, decision record 008."""

from datetime import timedelta

import pytest

from events.key import KeyDeleted, KeyGenerated, KeyRotated, Succession
from events.registry import load
from events.reservation import NameReleased, NameReserved
from events.streams import KEY as KIND
from events.streams import stream
from services.access.credentials import MAX_ROTATIONS, routes_within
from services.access.principal import AccessRefused, Credential, Principal
from services.command.application.cache import Cache
from services.command.application.callers import authenticate
from services.command.application.folds import AnyState
from services.command.application.requests import Origin
from services.command.application.view import Loads, View
from services.command.domain.dependents import Link, links
from services.command.domain.errors import AlreadyExists, NegativeLimit, NotFound
from services.command.domain.key import Rotation
from tests.support.decider import CarryOn, HandOver, RotateKey, given, key_after, reservation_after
from tests.support.eventlog import START, History
from tests.support.facts import generated, key_settings, usd

SETTINGS = key_settings(user_id="ann", team_id="core", budget_duration="7d")
KEY = generated(user_id="ann", team_id="core", budget_duration="7d")
GONE = KeyRotated(settings=SETTINGS, successor="new", until=None)
LATER = START + timedelta(hours=1)
OLD = key_after(KEY)


def succession(**values: object) -> Succession:
    made = {"token": "old", "created_at": OLD.created_at, "created_by": "admin", "rotations": 1}
    return Succession.model_validate({**made, "budget_since": OLD.budget_since, **values})


def test_what_a_key_was_is_recorded_when_its_secret_ends() -> None:
    given(KEY).when(RotateKey()).then(GONE)
    rotated = key_after(KEY, GONE.model_copy(update={"until": LATER}))
    assert (rotated.open, rotated.rotation) == (False, Rotation("new", LATER))


@pytest.mark.parametrize("end", [GONE, KeyDeleted(settings=SETTINGS)])
def test_a_key_that_is_gone_gets_no_new_secret(end: KeyDeleted | KeyRotated) -> None:
    given(KEY, end).when(RotateKey()).then_raises(NotFound)
    given().when(RotateKey()).then_raises(NotFound)


def test_the_successor_has_the_settings_and_the_past_of_the_key() -> None:
    begun = KeyGenerated(settings=SETTINGS, succeeds=succession())
    given().when(CarryOn(OLD, SETTINGS)).then(begun)
    successor = key_after(begun)
    assert (successor.created_at, successor.created_by) == (OLD.created_at, "admin")
    assert (successor.budget_since, successor.rotations) == (OLD.budget_since, 1)
    assert successor.rotated_at == successor.updated_at
    again = KeyGenerated(settings=SETTINGS, succeeds=succession(rotations=2))
    given().when(CarryOn(successor, SETTINGS)).then(again)


def test_d38_another_budget_duration_starts_the_window_anew() -> None:
    daily = SETTINGS.model_copy(update={"budget_duration": "1d"})
    begun = KeyGenerated(settings=daily, succeeds=succession(budget_since=START))
    given().when(CarryOn(OLD, daily)).then(begun)


def test_s06_a_secret_that_was_ever_used_is_refused() -> None:
    for past in ([KEY], [KEY, GONE], [KEY, KeyDeleted(settings=SETTINGS)]):
        given(*past).when(CarryOn(OLD, SETTINGS)).then_raises(AlreadyExists)


def test_d33_a_limit_below_zero_is_refused() -> None:
    wrong = SETTINGS.model_copy(update={"max_budget": usd(-1)})
    given().when(CarryOn(OLD, wrong)).then_raises(NegativeLimit)


def test_keys_of_former_releases_carry_nothing_on() -> None:
    data = {"settings": SETTINGS.model_dump(mode="json")}
    assert load("key.generated", 1, data) == KEY


def test_what_hangs_on_team_and_user_is_the_successor() -> None:
    log = History()
    old, new = stream(KIND, "old"), stream(KIND, "new")
    facts = log.command((old, GONE), (new, KeyGenerated(settings=SETTINGS)))
    parents = [("team-core", "keys"), ("user-ann", "keys"), ("team-core", "keys/ann")]
    assert [links(at) for at in facts] == [
        [Link("remove", parent, kind, old) for parent, kind in parents],
        [Link("add", parent, kind, new, 2) for parent, kind in parents],
    ]


def test_an_alias_passes_from_hash_to_hash() -> None:
    held = NameReserved(holder="old")
    passed = [NameReleased(holder="old"), NameReserved(holder="new")]
    given(held).when(HandOver("old", "new")).then(*passed)
    assert reservation_after(held, *passed).holder == "new"


# Who a secret stands for, after rotations (A08)


def chain(length: int, **last: object) -> dict[str, AnyState]:
    """Keys named by numbers, each rotated to the next one, accepted for an hour."""
    states: dict[str, AnyState] = {}
    for number in range(length):
        ended = KeyRotated(settings=key_settings(), successor=str(number + 1), until=LATER)
        states[f"key-{number}"] = key_after(generated(), ended)
    states[f"key-{length}"] = key_after(generated(**last))
    return states


def caller(states: dict[str, AnyState], seconds: int = 0) -> Principal:
    """Who presents the secret with the hash "0", so long after the start."""
    view = View(Cache(0), START + timedelta(seconds=seconds), Loads(states=states))
    credential = Credential("0", "tail", master=False)
    return authenticate(view, Origin(credential, "/key/info", "/key/info", "c", "c"))


def test_a08_an_old_secret_acts_as_its_successor_until_the_grace_period_ends() -> None:
    for length in (1, 2, MAX_ROTATIONS):
        assert caller(chain(length), 3_599).token == str(length)
        with pytest.raises(AccessRefused, match="Unable to find token"):
            caller(chain(length), 3_600)


def test_a08_a_secret_that_lies_too_many_rotations_behind_is_refused() -> None:
    with pytest.raises(AccessRefused, match="Unable to find token"):
        caller(chain(MAX_ROTATIONS + 1))


def test_a08_without_a_grace_period_the_old_secret_ends_at_once() -> None:
    states: dict[str, AnyState] = {"key-0": key_after(KEY, GONE), "key-new": key_after(KEY)}
    with pytest.raises(AccessRefused, match=r"Key Hash \(Token\) =0\."):
        caller(states)


def test_a08_what_ends_or_bounds_the_successor_holds_for_the_old_secret() -> None:
    with pytest.raises(AccessRefused, match="Key is blocked"):
        caller(chain(1, blocked=True))
    with pytest.raises(AccessRefused, match="Only allowed to call routes"):
        caller(chain(1, allowed_routes=["/team/info"]))
    ended = chain(1) | {"key-1": key_after(KEY, KeyDeleted(settings=SETTINGS))}
    with pytest.raises(AccessRefused, match=r"Key Hash \(Token\) =0\."):
        caller(ended)


# Routes that only narrow (S04)


@pytest.mark.parametrize(
    ("wanted", "allowed"),
    [
        (["/key/info"], []),
        ([], []),
        (["/key/info"], ["/key/info", "/team/info"]),
        (["/key/info", "/key/list"], ["/key"]),
        (["/key/*"], ["/key/"]),
        (["/team/in*"], ["/team/*"]),
        (["/team/info"], ["/te*"]),
        (["/team/new", "/team/*"], ["management_routes"]),
        (["/key/list"], ["info_routes"]),
        (["info_routes"], ["info_routes"]),
    ],
)
def test_s04_a_list_within_another_one(wanted: list[str], allowed: list[str]) -> None:
    assert routes_within(wanted, allowed)


@pytest.mark.parametrize(
    ("wanted", "allowed"),
    [
        ([], ["/key/info"]),
        (["/key/info", "/key/list"], ["/key/info"]),
        (["/key"], ["/key/info"]),
        (["/key/info*"], ["/key/info"]),
        (["/key/*"], ["/key/i*"]),
        (["*"], ["/key/*"]),
        (["*"], ["management_routes"]),
        (["/*"], ["/"]),
        (["/team"], ["management_routes"]),
        (["info_routes"], ["management_routes"]),
        (["/key/info*"], ["info_routes"]),
        (["/team/new"], ["info_routes"]),
        ([""], ["/key"]),
    ],
)
def test_s04_a_list_that_reaches_beyond_another_one(wanted: list[str], allowed: list[str]) -> None:
    assert not routes_within(wanted, allowed)
