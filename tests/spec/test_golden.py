"""What was stored once is read for ever: golden files, unknown facts, upcasts."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import BaseModel, ValidationError

from events import registry
from events.envelope import (
    MAX_EVENT_BYTES,
    Envelope,
    EventTooLarge,
    Meta,
    decode,
    encode,
)
from events.registry import DomainEvent, Json, RegistryError, UnknownFact, fact, known_facts, upcast
from events.team import TeamMetadataChanged
from events.values import TeamBudget
from tests.golden import AT, EXAMPLES, GOLDEN, META, write

FILES = sorted(GOLDEN.glob("*/v*.json"))
NEWEST = {cls.type_name: cls for cls in known_facts()}


def named(path: Path) -> tuple[str, int]:
    """The fact and the version that a file is an example of."""
    return path.parent.name, int(path.stem[1:])


def read(path: Path) -> Json:
    content: Json = json.loads(path.read_text(encoding="utf-8"))
    return content


def state_of(row: Json) -> bytes:
    return orjson.dumps(row["state"])


def decoded(row: Json) -> Envelope:
    return decode(row["stream"], row["version"], row["position"], row["topic"], state_of(row))


@pytest.fixture(params=FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def row(request: pytest.FixtureRequest) -> Json:
    return read(request.param)


def test_every_version_of_every_fact_has_a_file_and_nothing_else_has() -> None:
    expected = {(n, v) for n, cls in NEWEST.items() for v in range(1, cls.schema_version + 1)}
    assert {named(path) for path in FILES} == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_file_holds_what_its_name_says(path: Path) -> None:
    row = read(path)
    assert (row["topic"], row["state"]["v"]) == named(path)


def test_every_version_decodes_to_the_newest_class(row: Json) -> None:
    envelope = decoded(row)
    assert type(envelope.event) is NEWEST[row["topic"]]
    assert replace(envelope, event=AT.event) == replace(AT, originator_id=row["stream"])


def test_the_newest_version_is_encoded_as_it_was_stored(row: Json) -> None:
    if row["state"]["v"] < NEWEST[row["topic"]].schema_version:
        again = decode("s", 1, 1, *encode(decoded(row)))
        assert again.event == decoded(row).event
        return
    assert encode(decoded(row)) == (row["topic"], state_of(row))


@pytest.mark.parametrize("example", [f for _, f in EXAMPLES], ids=lambda f: f.type_name)
def test_an_example_gives_every_field(example: DomainEvent) -> None:
    for model in models_in(example):
        assert model.model_fields_set == set(type(model).model_fields)


def models_in(model: BaseModel) -> Iterator[BaseModel]:
    yield model
    for _, value in model:
        if isinstance(value, BaseModel):
            yield from models_in(value)


def test_a_file_is_written_once_and_never_again(tmp_path: Path) -> None:
    assert list(write(tmp_path)) == []
    assert list(write(tmp_path)) == []
    changed = tmp_path / "team.renamed/v1.json"
    changed.write_text("{}")
    assert list(write(tmp_path)) == [
        "team.renamed/v1.json: is stored like that; give the fact a new version"
    ]
    assert changed.read_text() == "{}"


def test_a_fact_without_an_example_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_types", dict(NEWEST))

    @fact("team.painted")
    class TeamPainted(DomainEvent):
        colour: str

    assert list(write(tmp_path)) == [f"{TeamPainted.type_name}: no example in tests/golden.py"]


def test_a_fact_that_nobody_knows_yet_is_carried_as_it_is(row: Json) -> None:
    unknown = {**row, "topic": "team.painted"}
    envelope = decoded(unknown)
    assert envelope.event == UnknownFact(
        name="team.painted", version=row["state"]["v"], data=row["state"]["data"]
    )
    assert encode(envelope) == ("team.painted", state_of(row))


def test_a_version_from_a_newer_release_is_carried_as_it_is(row: Json) -> None:
    state = {**row["state"], "v": 99, "data": {"of": {"a": ["newer", 1.5, None]}}}
    envelope = decoded({**row, "state": state})
    assert isinstance(envelope.event, UnknownFact)
    assert encode(envelope) == (row["topic"], orjson.dumps(state))


def test_an_envelope_without_claims_is_encoded_without_them() -> None:
    plain = replace(AT, originator_id="team-core", meta=Meta(command_id="c", command="x"))
    topic, state = encode(plain)
    assert orjson.loads(state)["meta"] == {"command_id": "c", "command": "x"}
    assert decode("team-core", 7, 42, topic, state) == plain


def test_times_are_stored_in_utc_and_sort_as_text() -> None:
    berlin = timezone(timedelta(hours=1))
    local = replace(AT, recorded_at=AT.recorded_at.astimezone(berlin).replace(microsecond=0))
    assert orjson.loads(encode(local)[1])["at"] == "2026-03-11T13:27:45.000000Z"


def test_the_last_fact_of_a_command_ends_it() -> None:
    assert not AT.ends_command
    assert replace(AT, index=2).ends_command


@pytest.mark.parametrize(
    ("amount", "stored"),
    [("1E+2", "100"), ("1E-18", "0.000000000000000001"), ("12.50", "12.50"), ("0", "0")],
)
def test_money_is_stored_as_money_reads(amount: str, stored: str) -> None:
    budget = TeamBudget(max_budget=Decimal(amount))
    assert budget.model_dump(mode="json")["max_budget"] == stored
    assert TeamBudget.model_validate(budget.model_dump(mode="json")) == budget


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_d33_money_is_finite(amount: str) -> None:
    with pytest.raises(ValidationError):
        TeamBudget.model_validate({"max_budget": amount})


def test_a_fact_is_at_most_256_kib() -> None:
    def padded(size: int) -> Envelope:
        return replace(AT, event=TeamMetadataChanged(before={}, after={"pad": "x" * size}))

    room = MAX_EVENT_BYTES - len(encode(padded(0))[1])
    assert len(encode(padded(room))[1]) == MAX_EVENT_BYTES
    with pytest.raises(EventTooLarge, match=r"team\.metadata_changed takes 262145 bytes"):
        encode(padded(room + 1))


@pytest.fixture
def empty_register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts registered by a test end with it."""
    monkeypatch.setattr(registry, "_types", {})
    monkeypatch.setattr(registry, "_upcasts", {})


def painted(version: int) -> type[DomainEvent]:
    """A fact in its third shape: first a colour, then a list, then with a reason."""

    @fact("team.painted", version)
    class TeamPainted(DomainEvent):
        colours: list[str]
        reason: str | None

    return TeamPainted


def to_a_list(data: Json) -> Json:
    return {"colours": [data["colour"]]}


def with_a_reason(data: Json) -> Json:
    return {**data, "reason": None}


@pytest.mark.usefixtures("empty_register")
@pytest.mark.parametrize(
    ("version", "data"),
    [(1, {"colour": "red"}), (2, {"colours": ["red"]}), (3, {"colours": ["red"], "reason": None})],
)
def test_older_versions_are_led_to_the_newest_step_by_step(version: int, data: Json) -> None:
    newest = painted(3)
    upcast("team.painted", since=1)(to_a_list)
    upcast("team.painted", since=2)(with_a_reason)
    registry.check_upcasts()
    state = {**orjson.loads(encode(AT)[1]), "v": version, "data": data}
    envelope = decode("team-core", 7, 42, "team.painted", orjson.dumps(state))
    assert envelope.event == newest.model_validate({"colours": ["red"], "reason": None})
    assert envelope.meta == META
    assert orjson.loads(encode(envelope)[1])["v"] == 3


@pytest.mark.usefixtures("empty_register")
def test_a_missing_upcast_is_found_at_start_and_stops_a_reader() -> None:
    painted(3)
    upcast("team.painted", since=2)(with_a_reason)
    with pytest.raises(RegistryError, match=r"no upcast leads from 'team\.painted' version 1"):
        registry.check_upcasts()
    with pytest.raises(RegistryError, match="version 1"):
        registry.load("team.painted", 1, {"colour": "red"})


@pytest.mark.usefixtures("empty_register")
def test_names_and_steps_are_taken_once() -> None:
    painted(1)
    with pytest.raises(RegistryError, match=r"two facts are called 'team\.painted'"):
        painted(1)
    upcast("team.painted", since=1)(to_a_list)
    with pytest.raises(RegistryError, match="two upcasts lead from"):
        upcast("team.painted", since=1)(to_a_list)


@pytest.mark.parametrize("data", [{}, {"before": "a"}, {"before": 1, "after": "b", "extra": 1}])
def test_a_fact_of_our_own_that_does_not_fit_stops_its_reader(data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        registry.load("team.renamed", 1, data)
