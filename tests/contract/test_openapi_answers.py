"""What LiteLLM was recorded to answer, and what we answer to the same, is as we describe it."""

import json
from collections.abc import Iterator, Mapping

import pytest
from jsonschema import ValidationError

from tests.contract.cases import MASTER_KEY, Case, load
from tests.contract.deviations import by_case
from tests.contract.replay import Exchange, send_all
from tests.support.described import Described, described
from tests.support.service import Start

CASES = load()


def _operation(case: Case) -> Described | None:
    return described(case.request.method, case.request.route)


RECORDED = [
    pytest.param(case, operation, id=case.name)
    for case in CASES
    if case.response is not None and case.response["status"] == 200
    if (operation := _operation(case)) is not None
]


def _steps(path: str) -> list[str]:
    """The steps of a JSON path below the body."""
    return path.replace("[", ".[").split(".")[1:]


def _places(error: ValidationError) -> list[str]:
    """Where an error is; of fields that are missing or too many, where those are."""
    match error.validator:
        case "required":
            names = set(error.validator_value) - error.instance.keys()
        case "additionalProperties":
            names = error.instance.keys() - error.schema["properties"]
        case _:
            return [error.json_path]
    return [f"{error.json_path}.{name}" for name in sorted(names)]


def _deviates(case: Case, place: str) -> bool:
    """Whether a registered deviation is at this place, around it or within it."""
    found = _steps(place)
    for deviation in by_case().get(case.name, []):
        registered = _steps(deviation.path)[1:]
        if registered[: len(found)] == found[: len(registered)]:
            return True
    return False


@pytest.mark.parametrize(("case", "operation"), RECORDED)
def test_a_recorded_answer_is_as_described(case: Case, operation: Described) -> None:
    assert case.response is not None
    problems = [
        f"{place}: {error.message}"
        for error in operation.errors(operation.answer_schema, case.response["body"])
        for place in _places(error)
        if not _deviates(case, place)
    ]
    assert problems == []


def _problems(exchange: Exchange) -> Iterator[str]:
    operation, answer = _operation(exchange.case), exchange.answer
    if operation is None or answer is None:
        return
    if str(answer.status) not in operation.operation["responses"]:
        yield f"{exchange.case.name}: {answer.status} is not described: {json.dumps(answer.body)}"
        return
    schema: Mapping[str, object] = operation.content(answer.status)["schema"]
    for problem in operation.problems(schema, answer.body):
        yield f"{exchange.case.name}: {problem}"


def test_whatever_we_answer_to_the_recorded_requests_is_as_described(start_service: Start) -> None:
    service = start_service({"TEAMLEDGER_MASTER_KEY": MASTER_KEY})
    exchanges = send_all(service.base_url, CASES)
    assert [problem for exchange in exchanges for problem in _problems(exchange)] == []
