"""How a recorded fact is told outside: a CloudEvent 1.0, personal data still under seal."""

from uuid import UUID

from events.envelope import Envelope
from events.registry import dump
from events.streams import kind_and_id
from events.values import JsonObject, Sealed, timestamp

PREFIX = "teamledger."


def cloud_event(envelope: Envelope, epoch: UUID | None) -> JsonObject:
    """The fact with what stands around it; `subject` is the kind and the id of the thing.

    Extension attributes are those of the envelope. The client's address is not told.
    """
    name, version, data = dump(envelope.event)
    kind, identity = kind_and_id(envelope.originator_id)
    meta = envelope.meta
    optional = {
        "actor": meta.actor,
        "actorrole": meta.actor_role,
        "onbehalfof": _person(meta.on_behalf_of),
        "correlationid": meta.correlation_id,
        "causationid": meta.causation_id,
    }
    return {
        "specversion": "1.0",
        "id": envelope.event_id,
        "source": f"/teamledger/{epoch}",
        "type": f"{PREFIX}{name}.v{version}",
        "subject": f"{kind}/{identity}",
        "time": timestamp(envelope.recorded_at),
        "datacontenttype": "application/json",
        "dataschema": f"urn:teamledger:event:{name}.v{version}",
        "position": envelope.position,
        "version": envelope.originator_version,
        "incarnation": envelope.incarnation,
        "command": meta.command,
        "commandid": meta.command_id,
        "commandindex": envelope.index,
        "commandcount": envelope.count,
        **{key: value for key, value in optional.items() if value is not None},
        "data": data,
    }


def _person(sealed: Sealed | None) -> str | None:
    return None if sealed is None else sealed.person
