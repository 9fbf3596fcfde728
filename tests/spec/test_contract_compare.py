"""The comparison behind the recorded contract, and how deviations change what is promised."""

from datetime import UTC, datetime

import pytest

from tests.contract.cases import Request, UnknownKey, load
from tests.contract.compare import Comparison
from tests.contract.normalise import RECORDED_AT, Pairing, Run, boundaries
from tests.contract.patch import (
    ABSENT,
    BadDeviation,
    Deviation,
    Inserted,
    Matching,
    Tied,
    Ties,
    promised,
)

CASES = {case.name: case for case in load()}

ONE, OTHER, THIRD = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
EARLY, LATE = "2026-11-23T09:52:47.855000Z", "2027-01-01T00:00:00Z"


def differences(recorded: object, answered: object, *before: tuple[object, object]) -> list[str]:
    """Paths and reasons of the differences, after the pairs in `before` were compared."""
    comparison = Comparison(
        Pairing(), Run(RECORDED_AT, RECORDED_AT), {("/r", "$.a[].extra"): "why"}
    )
    for pair in before:
        comparison.differences("/r", *pair)
    return [f"{one.path} {one.why}" for one in comparison.differences("/r", recorded, answered)]


@pytest.mark.parametrize(
    ("recorded", "answered"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ([100], [100.0]),
        ({"id": ONE}, {"id": OTHER}),
        ({"at": EARLY}, {"at": LATE}),
        ("Key Hash (Token) =" + "a" * 64 + ".", "Key Hash (Token) =" + "b" * 64 + "."),
        (
            {"key": "<key:u1>", "key_name": "sk-...aB-_"},
            {"key": "sk-" + "x" * 22, "key_name": "sk-...xxxx"},
        ),
        ("team-Full-budget-" + "a" * 32, "team-Full-budget-" + "b" * 32),
        ({"model_id": 1}, {"model_id": 7}),
        ({"a": [{}]}, {"a": [{"extra": 1}]}),
    ],
)
def test_what_a_run_makes_up_is_no_difference(recorded: object, answered: object) -> None:
    assert differences(recorded, answered) == []


@pytest.mark.parametrize(
    ("recorded", "answered", "found"),
    [
        (1, True, ["$ differs"]),
        (0, None, ["$ differs"]),
        ("1", 1, ["$ differs"]),
        ({}, [], ["$ differs"]),
        ({"a": None}, {}, ["$.a missing key"]),
        ({}, {"a": None}, ["$.a additional key"]),
        ({"a": []}, {"a": [1]}, ["$.a[0] additional element"]),
        ([{"x": 1}, 2], [{"x": 2}], ["$[0].x differs", "$[1] missing element"]),
        ([1, 2], [2, 1], ["$[0] differs", "$[1] differs"]),
        ({"id": ONE}, {"id": "team-1"}, ["$.id differs"]),
        ("team-Full-budget-" + "a" * 32, "team-budget-" + "b" * 32, ["$ differs"]),
        (EARLY, "2026-11-23T09:52:47.855000+00:00", ["$ differs"]),
        ({"model_id": 1}, {"model_id": None}, ["$.model_id differs"]),
        (ONE, "<uuid>", ["$ differs"]),
    ],
)
def test_everything_else_is_a_difference_with_its_path(
    recorded: object, answered: object, found: list[str]
) -> None:
    assert differences(recorded, answered) == found


def test_an_id_keeps_its_counterpart_in_both_directions() -> None:
    assert differences(ONE, THIRD, (ONE, OTHER)) == [f"$ {ONE} was answered as {OTHER} before"]
    assert differences(THIRD, OTHER, (ONE, OTHER)) == [f"$ {OTHER} was the answer for {ONE} before"]
    assert differences(ONE, OTHER, (ONE, OTHER)) == []


def test_the_hash_of_a_literal_key_is_compared_as_it_is() -> None:
    pairing = Pairing(["sk-1234"])
    known = "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"

    assert pairing.texts(known, known) is None
    assert pairing.texts(known, "a" * 64) is not None


def test_a_creation_time_does_not_move() -> None:
    before = ({"created_at": EARLY}, {"created_at": LATE})

    assert differences({"created_at": EARLY}, {"created_at": LATE}, before) == []
    moved = differences({"created_at": EARLY}, {"created_at": EARLY}, before)
    assert moved == [f"$.created_at {EARLY} was answered as {LATE} before"]


def test_a_reset_time_is_the_same_boundary_of_the_run_as_of_the_recording() -> None:
    run = Run(datetime(2027, 2, 28, 23, 59, tzinfo=UTC), datetime(2027, 3, 1, 0, 1, tzinfo=UTC))

    assert run.same_boundary("2026-11-30T00:00:00Z", "2027-03-08T00:00:00Z")
    assert run.same_boundary("2026-12-01T00:00:00Z", "2027-03-01T00:00:00Z")
    assert run.same_boundary("2026-12-01T00:00:00Z", "2027-04-01T00:00:00Z")
    assert not run.same_boundary("2026-12-01T00:00:00Z", "2027-03-08T00:00:00Z")
    assert not run.same_boundary("2026-12-02T00:00:00Z", "2027-03-02T00:00:00Z")
    assert boundaries(datetime(2026, 12, 31, 12, tzinfo=UTC))["month"] == "2027-01-01T00:00:00Z"


def test_a_deviation_replaces_appends_and_removes_in_the_words_of_the_recording() -> None:
    recorded = {"status": 200, "body": [{"id": ONE}, {"id": "b"}, {"id": "c", "n": 1}]}

    entries = [
        Deviation("c", "$.body[1]", "D34", ABSENT),
        Deviation("c", "$.body[2].n", "D43", ABSENT),
        Deviation("c", "$.body[3]", "licence", {"id": "d"}),
        Deviation("c", "$.status", "D67", 422),
    ]

    assert promised(recorded, entries) == {
        "status": 422,
        "body": [{"id": ONE}, {"id": "c"}, {"id": "d"}],
    }
    assert recorded["status"] == 200


def test_elements_are_inserted_and_removed_where_the_recording_has_them() -> None:
    recorded = {"body": [{"id": "a"}, {"id": "b", "n": 1}, {"id": "c"}]}

    entries = [
        Deviation("c", "$.body[1]", "licence", Inserted(({"id": "x"}, {"id": "y"}))),
        Deviation("c", "$.body[1].id", "D34", "B"),
        Deviation("c", "$.body[1].n", "D43", ABSENT),
        Deviation("c", "$.body[2]", "licence", ABSENT),
    ]

    assert promised(recorded, entries) == {
        "body": [{"id": "a"}, {"id": "x"}, {"id": "y"}, {"id": "B"}]
    }


@pytest.mark.parametrize("instead", [200, Inserted((200,)), ABSENT, Ties("a", "b")])
@pytest.mark.parametrize("path", ["$.nope.x", "$.body[5]", "status", "$.body.*"])
def test_a_deviation_that_fits_nothing_is_an_error(path: str, instead: object) -> None:
    with pytest.raises(BadDeviation):
        promised({"status": 200, "body": [1]}, [Deviation("c", path, "D01", instead)])


@pytest.mark.parametrize("path", ["$.status", "$.body[0]"])
@pytest.mark.parametrize("instead", [200, Matching("a number", lambda value: value == 200)])
def test_a_deviation_that_changes_nothing_is_an_error(path: str, instead: object) -> None:
    with pytest.raises(BadDeviation):
        promised({"status": 200, "body": [200]}, [Deviation("c", path, "D01", instead)])


def test_equal_elements_may_change_places_and_no_others() -> None:
    def team(team_id: str, alias: str | None, size: int = 0) -> dict[str, object]:
        return {"id": team_id, "alias": alias, "size": size}

    order = Ties("alias", "id")
    tied = Tied([team(ONE, None), team("n", None), team("a", "A")], order)

    assert differences(tied, [team("n", None), team(OTHER, None), team("a", "A")]) == []
    assert differences(tied, [team("n", None), team("a", "A"), team(OTHER, None)]) == [
        "$ order by alias"
    ]
    assert differences(tied, [team(OTHER, None), team("n", None, 9), team("a", "A")]) == [
        "$[1].size differs"
    ]
    assert differences(Tied([team("n", None)], order), []) == [
        "$ order by alias",
        "$[0] missing element",
    ]


def test_an_order_by_ids_is_that_of_the_ids_that_were_answered() -> None:
    tied = Tied([{"id": ONE}, {"id": "bad"}, {"id": OTHER}], Ties("id", "id"))
    made = {ONE: "c" + ONE[1:], OTHER: "a" + OTHER[1:]}
    before = [({"id": recorded}, {"id": answered}) for recorded, answered in made.items()]

    ascending = [{"id": made[OTHER]}, {"id": "bad"}, {"id": made[ONE]}]
    assert differences(tied, ascending, *before) == []
    assert differences(tied, ascending[::-1], *before) == ["$ order by id"]
    assert "$ order by id" in differences(tied, ascending)


def test_a_request_names_the_keys_that_earlier_cases_made() -> None:
    case = CASES["182-auth-team-key-own-team-info"]

    assert CASES["054-key-generate-team-a"].makes_key == "team-a"
    assert CASES["084-key-generate-u1-in-team-a"].makes_key == "u1-in-team-a"
    filled = case.request.with_keys({"team-a": "sk-x"})
    assert filled == Request("GET", case.request.path, {"Authorization": "Bearer sk-x"}, None)
    with pytest.raises(UnknownKey):
        case.request.with_keys({})
