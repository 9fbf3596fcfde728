"""The AsyncAPI document says what is in the topic: valid itself, and tried on golden files."""

import json
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from events.messages import TOPIC, Stored, message
from events.usage_topics import (
    DEAD_DAYS,
    DEAD_PARTITIONS,
    DEAD_TOPIC,
    USAGE_DAYS,
    USAGE_PARTITIONS,
    USAGE_TOPIC,
)
from services.broker.message import Message
from services.broker.topics import Topic
from services.command.application.dead_letters import DeadLetter, record
from services.edge.asyncapi import document
from tests.golden import GOLDEN
from tests.spec.test_messages import EPOCH
from tests.spec.test_usage_deliveries import EVENT_1, FIX, PAYLOADS, RECORD

ROOT = Path(__file__).parents[2]
SPECIFICATION = ROOT / "tests/support/asyncapi_3.0.0.json"
EXAMPLES = sorted(GOLDEN.glob("*/v*.json"))


@cache
def published() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / "docs/asyncapi.json").read_text(encoding="utf-8"))
    return content


def validator(place: str) -> Any:  # noqa: ANN401
    return Draft7Validator({**published(), "$ref": f"#/components/{place}"})


def named(example: Path) -> str:
    return f"{example.parent.name}.{example.stem}"


def state_of(example: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(example.read_text(encoding="utf-8"))["state"]
    return state


def test_the_document_is_up_to_date() -> None:
    made = document(published()["info"]["version"])
    assert published() == made, "run: make asyncapi"


def test_it_is_valid_by_the_specification() -> None:
    specification = json.loads(SPECIFICATION.read_text(encoding="utf-8"))
    errors = Draft7Validator(specification).iter_errors(published())
    assert [(list(error.absolute_path), error.message[:200]) for error in errors] == []
    assert not Draft7Validator(specification).is_valid({**published(), "channels": []})


def test_every_reference_leads_somewhere() -> None:
    for reference in set(_references(published())):
        node = published()
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in _references(value)]
    if isinstance(node, list):
        return [found for item in node for found in _references(item)]
    return []


def test_every_version_that_was_stored_is_a_message_of_the_topic() -> None:
    messages = published()["channels"]["events"]["messages"]
    assert set(messages) == {named(example) for example in EXAMPLES}


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("events", Topic(TOPIC)),
        ("usage", Topic(USAGE_TOPIC, USAGE_PARTITIONS, retention=timedelta(days=USAGE_DAYS))),
        ("deadLetters", Topic(DEAD_TOPIC, DEAD_PARTITIONS, retention=timedelta(days=DEAD_DAYS))),
    ],
)
def test_a_topic_is_as_it_is_made(name: str, made: Topic) -> None:
    channel = published()["channels"][name]
    kafka = channel["bindings"]["kafka"]
    assert (channel["address"], kafka["partitions"]) == (made.name, made.partitions)
    configuration = kafka["topicConfiguration"]
    assert configuration["cleanup.policy"] == [made.configs["cleanup.policy"]]
    assert str(configuration["retention.ms"]) == made.configs["retention.ms"]


@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_what_the_relay_sends_is_valid(example: Path) -> None:
    state = state_of(example)
    row = Stored("team-core", 1, 7, example.parent.name, json.dumps(state).encode())
    sent = message(row, EPOCH)
    headers = {name: value.decode() for name, value in sent.headers}
    validator("schemas/headers").validate(headers)
    assert headers["ce_type"] == published()["components"]["messages"][named(example)]["name"]
    fits = validator(f"schemas/message.{named(example)}")
    fits.validate(state)
    assert not fits.is_valid({**state, "v": state["v"] + 1})
    assert not fits.is_valid({**state, "data": {**state["data"], "of_a_newer_release": None}})
    assert not fits.is_valid({**state, "n": [0]})


@pytest.mark.parametrize("item", [RECORD, FIX, *PAYLOADS])
def test_what_is_booked_is_an_item(item: dict[str, Any]) -> None:
    fits = validator("messages/usage.item/payload")
    fits.validate(item)
    assert not fits.is_valid({**item, "id": None})


def test_an_event_is_one() -> None:
    fits = validator("messages/usage.event/payload")
    fits.validate(EVENT_1)
    assert not fits.is_valid({**EVENT_1, "type": "teamledger.usage.recorded.v2"})


def test_a_dead_letter_says_where_it_comes_from() -> None:
    large = Message(7, 41, 5, None, b"x" * 1_000_001, ())
    headers = dict(record(DeadLetter("usage", EPOCH, large, "why")).headers)
    told = {name: raw.decode() for name, raw in headers.items()}
    fits = validator("messages/usage.dead/headers")
    fits.validate(told)
    described = published()["components"]["messages"]["usage.dead"]["headers"]
    assert set(told) == set(described["properties"])
