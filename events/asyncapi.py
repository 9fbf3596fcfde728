"""The AsyncAPI 3 document of the topic: every message that may be in it, made from the facts.

Schemas of all versions that were ever published are part of it: a topic, like the log, keeps facts
as they were stored. AsyncAPI's schemas are JSON Schema draft 07; those of `events/schemas` are
turned into that.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import orjson

from events.messages import CONTENT_TYPE, PARTITIONS, RETENTION_DAYS, TOPIC
from events.registry import Json
from events.schemas import FOLDER

ENVELOPE = "envelope.v1"
KAFKA_BINDING = "0.5.0"
_DAY_MS = 86_400_000
_HEADERS = {
    "content-type": "Always `application/json`.",
    "ce_specversion": "Always `1.0`: CloudEvents.",
    "ce_id": "Id of the event, a UUID of version 7.",
    "ce_source": "`/teamledger/` and the epoch of the store.",
    "ce_type": "`teamledger.`, the fact's name, and the version of its shape.",
    "ce_subject": "Kind and id of the thing, such as `team/core`.",
    "ce_time": "When it was recorded, in UTC.",
    "ce_epoch": "Which store the position belongs to; another one after a restore.",
    "ce_position": "Place in the log, from 1, without gaps. Drop what is not beyond the last one.",
    "ce_version": "Version within the thing's own stream, from 1.",
    "ce_commandindex": "Which fact of its command this is, from 0.",
    "ce_commandcount": "How many facts the command has; the last one completes a commit.",
}
_OPTIONAL = {
    "ce_correlationid": "Id of the request that led to it.",
    "traceparent": "W3C trace context made of correlation id and event id.",
}
_NUMBERS = {"ce_position", "ce_version", "ce_commandindex", "ce_commandcount"}


def document(version: str) -> Json:
    """The document for that release of the service."""
    published = dict(_published())
    names = [name for name in published if name != ENVELOPE]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "teamledger events",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {
            "events": {
                "address": TOPIC,
                "title": "The log, in its order",
                "messages": {name: _ref("messages", name) for name in names},
                "bindings": {
                    "kafka": {
                        "partitions": PARTITIONS,
                        "topicConfiguration": {
                            "cleanup.policy": ["delete"],
                            "retention.ms": RETENTION_DAYS * _DAY_MS,
                        },
                        "bindingVersion": KAFKA_BINDING,
                    }
                },
            }
        },
        "operations": {
            "publishEvents": {
                "action": "send",
                "channel": {"$ref": "#/channels/events"},
                "summary": "The relay publishes every event, at least once and in order.",
            }
        },
        "components": {
            "messages": {name: _message(name) for name in names},
            "schemas": {"headers": _headers(), **_Schemas(published).all()},
        },
    }


_ABOUT = (
    "Every change of teams, members, users, keys, organizations and budgets, as CloudEvents 1.0 in "
    "Kafka's binary mode. The value is the event as it is stored; personal data in it is sealed. "
    "Order and recognise by `ce_epoch` and `ce_position`: a message may come twice, never out of "
    "order and never not at all."
)


def _published() -> Iterator[tuple[str, Json]]:
    for path in sorted(FOLDER.glob("*.json")):
        yield path.stem, orjson.loads(path.read_bytes())


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}


def _message(name: str) -> Json:
    return {
        "name": f"teamledger.{name}",
        "title": name,
        "contentType": CONTENT_TYPE,
        "headers": _ref("schemas", "headers"),
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "payload": _ref("schemas", f"message.{name}"),
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": "Name of the stream."},
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _headers() -> Json:
    described = {**_HEADERS, **_OPTIONAL}
    return {
        "type": "object",
        "description": "All values are UTF-8 text.",
        "properties": {name: _header(name, text) for name, text in described.items()},
        "required": list(_HEADERS),
    }


def _header(name: str, description: str) -> Json:
    text: Json = {"type": "string", "description": description}
    return {**text, "pattern": "^[0-9]+$"} if name in _NUMBERS else text


class _Schemas:
    """Published schemas as components: definitions that are the same everywhere are there once."""

    def __init__(self, published: dict[str, Json]) -> None:
        self._published = published
        self._variants: dict[str, set[bytes]] = defaultdict(set)
        for schema in published.values():
            for name, definition in schema.get("$defs", {}).items():
                self._variants[name].add(orjson.dumps(definition, option=orjson.OPT_SORT_KEYS))

    def all(self) -> Json:
        found: Json = {}
        envelope = self._published[ENVELOPE]
        for owner, schema in self._published.items():
            for name, definition in schema.get("$defs", {}).items():
                found[self._place(owner, name)] = self._draft_07(owner, definition)
            if owner != ENVELOPE:
                found[owner] = self._body(owner, schema)
                found[f"message.{owner}"] = self._valued(owner, envelope)
        return dict(sorted(found.items()))

    def _valued(self, name: str, envelope: Json) -> Json:
        """The envelope around facts of one name and version."""
        around = self._body(ENVELOPE, envelope)
        number = int(name.rpartition(".v")[2])
        own = {"v": {"const": number}, "data": _ref("schemas", name)}
        return {**around, "title": name, "properties": {**around["properties"], **own}}

    def _body(self, owner: str, schema: Json) -> Json:
        outer = {"$schema", "$id", "$defs"}
        kept = {key: value for key, value in schema.items() if key not in outer}
        body: Json = self._draft_07(owner, kept)
        return body

    def _place(self, owner: str, name: str) -> str:
        return name if len(self._variants[name]) == 1 else f"{owner}.{name}"

    def _draft_07(self, owner: str, node: Any) -> Any:  # noqa: ANN401
        if isinstance(node, list):
            return [self._draft_07(owner, item) for item in node]
        if not isinstance(node, dict):
            return node
        if isinstance(reference := node.get("$ref"), str):
            return _ref("schemas", self._place(owner, reference.rpartition("/")[2]))
        node = {key: self._draft_07(owner, value) for key, value in node.items()}
        if "prefixItems" in node:
            node["additionalItems"] = node.pop("items", True)
            node["items"] = node.pop("prefixItems")
        return node
