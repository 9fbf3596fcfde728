"""The comparison behind the recorded contract, and the tables it is driven by."""

import re
from datetime import UTC, datetime
from uuid import UUID, uuid5

import pytest

from tests.contract.cases import Case, Request, UnknownKey, load
from tests.contract.compare import Comparison
from tests.contract.deviations import DEVIATIONS, by_case
from tests.contract.levelling import LEVELLING
from tests.contract.normalise import RECORDED_AT, Pairing, Run, boundaries
from tests.contract.patch import ABSENT, BadDeviation, Deviation, Matching, Tied, Ties, promised
from tests.contract.pending import (
    EFFECT_NOT_BUILT,
    NEEDS,
    PENDING,
    ROUTE_NOT_BUILT,
    route_is_missing,
)
from tests.contract.replay import Answer, Exchange, judge
from tests.contract.steps import STEP_STATUS

CASES = {case.name: case for case in load()}
REGISTER_ID = re.compile(r"[DAS]\d\d|licence")

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


@pytest.mark.parametrize("path", ["$.nope.x", "$.body[5]", "$.status", "status", "$.body.*"])
def test_a_deviation_that_fits_nothing_or_changes_nothing_is_an_error(path: str) -> None:
    with pytest.raises(BadDeviation):
        promised({"status": 200, "body": [1]}, [Deviation("c", path, "D01", 200)])


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


def test_a_request_names_the_keys_that_earlier_cases_made() -> None:
    case = CASES["182-auth-team-key-own-team-info"]

    assert CASES["054-key-generate-team-a"].makes_key == "team-a"
    assert CASES["084-key-generate-u1-in-team-a"].makes_key == "u1-in-team-a"
    filled = case.request.with_keys({"team-a": "sk-x"})
    assert filled == Request("GET", case.request.path, {"Authorization": "Bearer sk-x"}, None)
    with pytest.raises(UnknownKey):
        case.request.with_keys({})


def test_a_missing_route_is_told_from_a_handler_that_finds_nothing() -> None:
    assert route_is_missing(404, {"detail": "Not Found"})
    assert route_is_missing(405, {"detail": "Method Not Allowed"})
    assert not route_is_missing(404, {"detail": {"error": "Team not found"}})
    assert not route_is_missing(200, None)


def test_the_recording_is_complete() -> None:
    assert [int(name[:3]) for name in CASES] == list(range(1, 216))


def test_every_case_is_compared_a_step_or_pending() -> None:
    steps = {name for name, case in CASES.items() if case.response is None}

    assert set(STEP_STATUS) == steps - set(PENDING)
    assert set(PENDING) <= set(CASES)
    assert set(NEEDS.values()) <= {*ROUTE_NOT_BUILT, *EFFECT_NOT_BUILT}
    assert not set(NEEDS) & set(ROUTE_NOT_BUILT)


def test_every_deviation_belongs_to_a_compared_case_and_names_its_register_id() -> None:
    places = [(entry.case, entry.path) for entry in DEVIATIONS]

    assert len(set(places)) == len(places)
    for entry in DEVIATIONS:
        assert CASES[entry.case].response is not None, entry
        assert entry.case not in PENDING, entry
        assert REGISTER_ID.fullmatch(entry.register), entry


def test_levelling_stands_for_a_deviation_or_for_a_case_still_pending() -> None:
    for call in LEVELLING:
        assert call.after in CASES
        assert REGISTER_ID.fullmatch(call.because) or call.because in PENDING, call


def renamed(promise: object) -> object:
    """What a service may answer that keeps a promise: other ids, equal teams in another order."""
    match promise:
        case dict():
            return {key: renamed(value) for key, value in promise.items()}
        case list():
            return [renamed(value) for value in promise]
        case Tied(elements):
            return renamed(sorted(elements, key=alias_then_id))
        case Matching():
            return "User id doesn't exist in team table. Data=stranger"
    return renamed_text(promise) if isinstance(promise, str) else promise


def alias_then_id(team: object) -> tuple[str, str]:
    assert isinstance(team, dict)
    return team["team_alias"] or "", team["team_id"]


def renamed_text(text: str) -> str:
    if re.fullmatch(r"[0-9a-f-]{36}", text):
        return str(UUID(bytes=uuid5(UUID(int=0), text).bytes, version=4))
    return "sk-" + "k" * 22 if text.startswith("<key:") else text


def exchange(case: Case, document: object) -> Exchange:
    if case.name in NEEDS:
        return Exchange(case, None)
    if case.name in PENDING:
        return Exchange(case, Answer(404, "application/json", {"detail": "Not Found"}))
    if not isinstance(document, dict):
        return Exchange(case, Answer(STEP_STATUS[case.name], "application/json", None))
    return Exchange(case, Answer(document["status"], document["content_type"], document["body"]))


def test_a_service_that_keeps_every_promise_has_no_problems() -> None:
    entries = by_case()
    answers = [
        exchange(case, case.response and renamed(promised(case.response, entries.get(name, []))))
        for name, case in CASES.items()
    ]

    outcomes = judge(answers, Run(RECORDED_AT, RECORDED_AT))

    assert {outcome.case: outcome.problems for outcome in outcomes if outcome.problems} == {}


def test_a_route_that_answers_is_no_longer_pending_and_a_step_has_its_status() -> None:
    built = Exchange(
        CASES["038-team-new-in-org-second-60-of-100"], Answer(200, "application/json", [])
    )
    step = Exchange(CASES["006-team-new-empty-object"], Answer(500, "text/plain", "Oops"))
    levelled = Exchange(CASES["037-team-new-in-org"], None, ("levelling failed",))

    outcomes = judge([built, step, levelled], Run(RECORDED_AT, RECORDED_AT))

    assert [(outcome.kind, outcome.problems) for outcome in outcomes] == [
        ("pending", ("no longer pending: the route answers 200 []",)),
        ("step", ("step: promised 200, answered 500: 'Oops'",)),
        ("pending", ("levelling failed",)),
    ]


def test_answers_as_recorded_have_problems_exactly_where_we_deviate() -> None:
    answers = [exchange(case, case.response) for case in CASES.values()]

    outcomes = judge(answers, Run(RECORDED_AT, RECORDED_AT))

    assert {outcome.case for outcome in outcomes if outcome.problems} == set(by_case())
