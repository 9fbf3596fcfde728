"""CloudEvents 1.0 as one of our records: structured, in batches, and in headers (binary mode).

Headers of Kafka are text as it is; those of HTTP are percent-encoded, under another prefix.

The record is the event's `data`. Its id and start are those of the event where the data names none,
and its source can only be the gateway's own.
"""

from collections.abc import Mapping
from urllib.parse import unquote

from events.usage import Usage
from services.edge.usage.record import Fields, Unusable, usage

RECORDED, CORRECTED = "teamledger.usage.recorded.v1", "teamledger.usage.corrected.v1"
SPEC_VERSION = "1.0"
_HEADER, _RECORD_HEADER = "ce-", "ce_"
_ATTRIBUTES = ("specversion", "id", "source", "type", "time", "datacontenttype")


def is_binary(headers: Mapping[str, str]) -> bool:
    """Whether an event is told by headers, and its data by the body."""
    return f"{_HEADER}specversion" in headers


def from_headers(headers: Mapping[str, str], data: object) -> Fields:
    """The event in binary mode, as it would be written in structured mode."""
    found = {name: headers.get(_HEADER + name) for name in _ATTRIBUTES}
    event: Fields = {name: unquote(text) for name, text in found.items() if text is not None}
    return {**event, "data": data}


def is_binary_record(headers: Mapping[str, str]) -> bool:
    """The same of a record of Kafka."""
    return f"{_RECORD_HEADER}specversion" in headers


def from_record_headers(headers: Mapping[str, str], data: object) -> Fields:
    """The event of a record in binary mode, as it would be written in structured mode."""
    found = {name: headers.get(_RECORD_HEADER + name) for name in _ATTRIBUTES}
    return {**{name: text for name, text in found.items() if text is not None}, "data": data}


def reported(event: object, source: str) -> Usage:
    """The call or correction that an event of this source tells of; raises Unusable."""
    if not isinstance(event, dict):
        raise Unusable("an event must be an object")
    _check_attributes(event, source)
    data = event.get("data")
    if not isinstance(data, dict):
        raise Unusable("data: must be an object; data_base64 is not read")
    corrects = data.get("corrects") is not None
    if corrects is not (event["type"] == CORRECTED):
        raise Unusable(f"type: {CORRECTED} is for data with corrects, and for no other")
    defaults = {"id": event.get("id")}
    if not corrects:
        defaults["started_at"] = event.get("time")
    return usage({**defaults, **{name: part for name, part in data.items() if part is not None}})


def _check_attributes(event: Mapping[str, object], source: str) -> None:
    if event.get("specversion") != SPEC_VERSION:
        raise Unusable(f"specversion: must be {SPEC_VERSION}")
    if event.get("type") not in (RECORDED, CORRECTED):
        raise Unusable(f"type: must be {RECORDED} or {CORRECTED}")
    if event.get("source") != source:
        raise Unusable("source: is not that of the gateway whose key this is")
    content = event.get("datacontenttype", "application/json")
    if not isinstance(content, str) or not _is_json(content):
        raise Unusable("datacontenttype: must be application/json")


def _is_json(media_type: str) -> bool:
    plain = media_type.partition(";")[0].strip().lower()
    return plain == "application/json" or plain.endswith("+json")
