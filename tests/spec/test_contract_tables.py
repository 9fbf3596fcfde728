"""The tables that drive the replay: steps, deviations, levelling; and what it makes of them."""

import json
import re
from uuid import UUID, uuid5

import pytest

from tests.contract.cases import Case, load
from tests.contract.deviations import DEVIATIONS, by_case
from tests.contract.levelling import LEVELLING
from tests.contract.normalise import RECORDED_AT, Run
from tests.contract.patch import BadDeviation, Deviation, Matching, Tied, Ties, promised
from tests.contract.replay import Answer, Exchange, judge, summary
from tests.contract.steps import STEP_STATUS

CASES = {case.name: case for case in load()}
REGISTER_ID = re.compile(r"[DAS]\d\d|licence")


def test_the_recording_is_complete() -> None:
    assert [int(name[:3]) for name in CASES] == list(range(1, 216))


def test_every_case_is_compared_or_a_step() -> None:
    steps = {name for name, case in CASES.items() if case.response is None}

    assert set(STEP_STATUS) == steps


def test_every_deviation_belongs_to_a_compared_case_and_names_its_register_id() -> None:
    places = [(entry.case, entry.path) for entry in DEVIATIONS]

    assert len(set(places)) == len(places)
    for entry in DEVIATIONS:
        assert CASES[entry.case].response is not None, entry
        if isinstance(entry.instead, Ties) and entry.instead.sorted_by == entry.instead.identity:
            assert entry.register == "run", entry
        else:
            assert REGISTER_ID.fullmatch(entry.register), entry


def test_levelling_has_the_reason_for_which_its_case_deviates() -> None:
    for call in LEVELLING:
        assert REGISTER_ID.fullmatch(call.because), call
        reasons = {entry.register for entry in by_case().get(call.after, [])}
        assert call.because in reasons or call.after in STEP_STATUS, call


def test_levelling_that_repeats_a_case_changes_one_field_of_it() -> None:
    """So that what we made instead is what we refused, but for the reason of the refusal."""
    repeated = [call for call in LEVELLING if call.path == CASES[call.after].request.route]

    assert "039-team-new-org-over-budget" in {call.after for call in repeated}
    for call in repeated:
        asked = json.loads(CASES[call.after].request.content or b"")
        fields = asked.keys() | call.body.keys()
        assert len([one for one in fields if asked.get(one) != call.body.get(one)]) == 1, call


def renamed(promise: object) -> object:
    """What a service may answer that keeps a promise: other ids, equal teams in another order."""
    match promise:
        case dict():
            return {key: renamed(value) for key, value in promise.items()}
        case list():
            return [renamed(value) for value in promise]
        case Tied(elements, order):
            return sorted(map(renamed, elements), key=lambda one: text_then_id(one, order))
        case Matching():
            return "User id doesn't exist in team table. Data=stranger"
    return renamed_text(promise) if isinstance(promise, str) else promise


def text_then_id(element: object, order: Ties) -> tuple[str, str]:
    assert isinstance(element, dict)
    return element[order.sorted_by] or "", element[order.identity]


def renamed_text(text: str) -> str:
    if re.fullmatch(r"[0-9a-f-]{36}", text):
        return str(UUID(bytes=uuid5(UUID(int=0), text).bytes, version=4))
    return "sk-" + "k" * 22 if text.startswith("<key:") else text


def exchange(case: Case, document: object) -> Exchange:
    if not isinstance(document, dict):
        return Exchange(case, Answer(STEP_STATUS[case.name], "application/json", None))
    return Exchange(case, Answer(document["status"], document["content_type"], document["body"]))


def kept(case: Case) -> Exchange:
    if case.response is None:
        return exchange(case, None)
    return exchange(case, renamed(promised(case.response, by_case().get(case.name, []))))


def test_a_service_that_keeps_every_promise_has_no_problems() -> None:
    outcomes = judge(map(kept, CASES.values()), Run(RECORDED_AT, RECORDED_AT))

    assert {outcome.case: outcome.problems for outcome in outcomes if outcome.problems} == {}


def test_a_step_has_its_status_and_what_could_not_be_sent_is_a_problem() -> None:
    step = Exchange(CASES["006-team-new-empty-object"], Answer(500, "text/plain", "Oops"))
    levelled = Exchange(CASES["037-team-new-in-org"], None, ("levelling failed",))

    outcomes = judge([step, levelled], Run(RECORDED_AT, RECORDED_AT))

    assert [(outcome.kind, outcome.problems) for outcome in outcomes] == [
        ("step", ("step: promised 200, answered 500: 'Oops'",)),
        ("compared", ("levelling failed",)),
    ]
    assert summary(outcomes)[0] == "1 compared, 0 deviating as registered, 1 step, 2 with problems"
    assert len(summary(outcomes)) == 2 + len(LEVELLING)


def test_answers_as_recorded_have_problems_exactly_where_we_deviate() -> None:
    answers = [exchange(case, case.response) for case in CASES.values()]

    outcomes = judge(answers, Run(RECORDED_AT, RECORDED_AT))

    assert {outcome.case for outcome in outcomes if outcome.problems} == set(by_case())


REPLACING = [entry for entry in DEVIATIONS if not isinstance(entry.instead, Ties)]


@pytest.mark.parametrize("entry", REPLACING, ids=lambda entry: f"{entry.case} {entry.path}")
def test_a_deviation_that_nobody_needs_is_a_problem(entry: Deviation) -> None:
    """Found when the service answers as recorded in this one place."""
    case = CASES[entry.case]
    assert case.response is not None
    others = [one for one in by_case()[case.name] if one is not entry]
    before = [kept(CASES[name]) for name in CASES if name < case.name]
    try:
        unneeded = exchange(case, renamed(promised(case.response, others)))
    except BadDeviation:
        return  # others count on it

    *_, outcome = judge([*before, unneeded], Run(RECORDED_AT, RECORDED_AT))

    assert outcome.problems


def test_an_order_is_left_open_only_among_equals_or_by_ids_that_a_run_makes_up() -> None:
    for entry in (one for one in DEVIATIONS if isinstance(one.instead, Ties)):
        case = CASES[entry.case]
        assert case.response is not None
        document = promised(case.response, by_case()[case.name])
        assert isinstance(document, dict)
        tied = document["body"] if entry.path == "$.body" else document["body"]["teams"]
        texts = [element[tied.order.sorted_by] for element in tied.elements]
        if entry.register == "run":
            assert renamed(texts) != texts, entry
        else:
            assert len(set(texts)) < len(texts), entry
