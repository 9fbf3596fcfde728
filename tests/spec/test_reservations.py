"""Names that only one thing may bear: e-mail addresses (D28) and key aliases (2.2)."""

from events.registry import UnknownFact
from events.reservation import NameReleased, NameReserved
from services.command.domain.errors import AlreadyExists
from tests.support.decider import Release, Reserve, given, reservation_after

ANN, BOB = NameReserved(holder="ann"), NameReserved(holder="bob")


def test_a_free_name_is_taken() -> None:
    given().when(Reserve("ann")).then(ANN)


def test_a_name_that_somebody_else_bears_is_refused() -> None:
    given(ANN).when(Reserve("bob", "key_alias", "prod")).then_raises(
        AlreadyExists, "key_alias 'prod' exists already"
    )


def test_whoever_bears_a_name_may_ask_for_it_again() -> None:
    given(ANN).when(Reserve("ann")).then()


def test_a_released_name_is_free() -> None:
    given(ANN).when(Release("ann")).then(NameReleased(holder="ann"))
    given(ANN, NameReleased(holder="ann")).when(Reserve("bob")).then(BOB)


def test_nobody_releases_what_he_does_not_bear() -> None:
    given(ANN).when(Release("bob")).then()
    given().when(Release("ann")).then()


def test_each_holder_begins_another_life_of_the_name() -> None:
    first, free = reservation_after(ANN), reservation_after(ANN, NameReleased(holder="ann"))
    again = reservation_after(ANN, NameReleased(holder="ann"), BOB)
    assert [(r.holder, r.incarnation) for r in (first, free, again)] == [
        ("ann", 1),
        (None, 1),
        ("bob", 3),
    ]


def test_a_fact_of_a_newer_release_moves_the_version_and_nothing_else() -> None:
    name = reservation_after(ANN, UnknownFact(name="name.lent", version=1, data={}))
    assert (name.holder, name.version) == ("ann", 2)
