"""The AsyncAPI 3 document of all topics: the log's, which is made of the facts, and those of usage.

Items of usage have the schemas that `POST /v1/usage` describes them with.
"""

from collections.abc import Mapping

from events import asyncapi as log
from events.messages import CONTENT_TYPE
from events.usage_topics import (
    CUT_HEADER,
    CUT_MEANS,
    DEAD_DAYS,
    DEAD_HEADERS,
    DEAD_PARTITIONS,
    DEAD_TOPIC,
    MOST_BYTES,
    USAGE_DAYS,
    USAGE_PARTITIONS,
    USAGE_TOPIC,
)
from events.values import JsonObject
from services.edge.openapi.answers.usage import (
    LoggedCall,
    UsageCorrection,
    UsageEvent,
    UsageRecord,
)
from services.edge.openapi.schema import schemas
from services.edge.usage.cloudevents import CORRECTED, RECORDED
from services.edge.usage.delivery import EVENT

_DAY_MS = 86_400_000
_ITEMS = (UsageRecord, UsageCorrection, LoggedCall, UsageEvent)
_KEY = (
    "Id of the team or hash of the key: what is about one call, its correction too, belongs into "
    "one partition."
)
_ATTRIBUTES = {
    "ce_specversion": "Always `1.0`: CloudEvents.",
    "ce_type": f"`{RECORDED}`, or `{CORRECTED}` for data with `corrects`.",
    "ce_source": "The source under which the installation books the topic.",
    "ce_id": "Stands for the id of the record, where its data has none.",
}
_ABOUT = (
    " Usage goes the other way: gateways send it, each call once or more often, and it is booked "
    "once. What cannot be booked is a dead letter, with the reason."
)


def document(version: str) -> JsonObject:
    """The document for that release of the service."""
    events = log.document(version)
    components = events["components"]
    description = events["info"]["description"] + _ABOUT
    return {
        **events,
        "info": {**events["info"], "title": "teamledger", "description": description},
        "channels": {**events["channels"], **_channels()},
        "operations": {**events["operations"], **_operations()},
        "components": {
            "messages": {**components["messages"], **_messages()},
            "schemas": {**components["schemas"], **_schemas()},
        },
    }


def _channels() -> JsonObject:
    return {
        "usage": {
            "address": USAGE_TOPIC,
            "title": "Usage as gateways report it",
            "description": "Whoever may write to it is a gateway, and what he writes is booked.",
            "messages": _refs("usage.item", "usage.event", "usage.data"),
            **_topic(USAGE_PARTITIONS, USAGE_DAYS),
        },
        "deadLetters": {
            "address": DEAD_TOPIC,
            "title": "Usage that could not be booked, with the reason",
            "messages": _refs("usage.dead"),
            **_topic(DEAD_PARTITIONS, DEAD_DAYS),
        },
    }


def _topic(partitions: int, days: int) -> JsonObject:
    configuration = {"cleanup.policy": ["delete"], "retention.ms": days * _DAY_MS}
    kafka = {"partitions": partitions, "topicConfiguration": configuration}
    return {"bindings": {"kafka": {**kafka, "bindingVersion": log.KAFKA_BINDING}}}


def _refs(*names: str) -> JsonObject:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _operations() -> JsonObject:
    return {
        "bookUsage": {
            "action": "receive",
            "channel": {"$ref": "#/channels/usage"},
            "summary": "Every message is booked once, in any of its forms, by source and id.",
            "bindings": {
                "kafka": {
                    "groupId": {"type": "string", "const": USAGE_TOPIC},
                    "bindingVersion": log.KAFKA_BINDING,
                }
            },
        },
        "keepDeadLetters": {
            "action": "send",
            "channel": {"$ref": "#/channels/deadLetters"},
            "summary": "What cannot be booked is kept here, at least once, before it is passed by.",
        },
    }


def _messages() -> JsonObject:
    items = [{"$ref": f"#/components/schemas/{item.__name__}"} for item in _ITEMS[:3]]
    size = f"At most {MOST_BYTES:,} bytes, key and headers included."
    data = "A UsageRecord or UsageCorrection; what the event tells need not be said again."
    return {
        "usage.item": {
            "name": "usage.item",
            "title": "A call, a correction of one, or a payload of LiteLLM's callback",
            "description": size,
            "contentType": CONTENT_TYPE,
            "payload": {"anyOf": items},
            **_keyed(_KEY),
        },
        "usage.event": {
            "name": "usage.event",
            "title": "A CloudEvent in structured mode",
            "description": size,
            "contentType": EVENT,
            "headers": _headers({"content-type": f"`{EVENT}`."}),
            "payload": {"$ref": "#/components/schemas/UsageEvent"},
            **_keyed(_KEY),
        },
        "usage.data": {
            "name": "usage.data",
            "title": "A CloudEvent in Kafka's binary mode",
            "description": size,
            "contentType": CONTENT_TYPE,
            "headers": _headers(
                _ATTRIBUTES, {"ce_time": "Stands for the start, where its data has none."}
            ),
            "payload": {"type": "object", "description": data},
            **_keyed(_KEY),
        },
        "usage.dead": {
            "name": "usage.dead",
            "title": "A message as it came, with where it came from",
            "headers": _headers(DEAD_HEADERS, {CUT_HEADER: CUT_MEANS}),
            "payload": {"description": "As it came, whatever it is."},
            **_keyed("As it came."),
        },
    }


def _keyed(description: str) -> JsonObject:
    key = {"type": "string", "description": description}
    return {"bindings": {"kafka": {"key": key, "bindingVersion": log.KAFKA_BINDING}}}


def _headers(required: Mapping[str, str], optional: Mapping[str, str] | None = None) -> JsonObject:
    """Others may be there too."""
    described = {**required, **(optional or {})}
    return {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": text} for name, text in described.items()
        },
        "required": list(required),
    }


def _schemas() -> JsonObject:
    made: JsonObject = schemas({item.__name__: item for item in _ITEMS})[1]
    return made
