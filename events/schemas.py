"""JSON Schemas of what is stored and published: `python -m events.schemas` writes them.

`schemas/<fact>.v<version>.json` is the `data` of one fact, `schemas/envelope.v1.json` what stands
around it. They are made from the classes; files of versions that no class has any more stay.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import WithDefaultSchema

from events.registry import DomainEvent, Json, known_facts
from events.values import MOMENT_PATTERN, Sealed

FOLDER = Path(__file__).parent / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Stored(GenerateJsonSchema):
    """What a writer stores: every field, whether or not it has a default."""

    def field_is_required(self, *_: Any, **__: Any) -> bool:  # noqa: ANN401
        return True

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, _: object) -> bool:
        return False


def fact_schema(cls: type[DomainEvent]) -> Json:
    """The schema of a fact's stored `data` in its newest version."""
    schema = cls.model_json_schema(mode="serialization", schema_generator=_Stored)
    name = f"{cls.type_name}.v{cls.schema_version}"
    return {"$schema": DIALECT, "$id": f"urn:teamledger:event:{name}", **schema, "title": name}


def envelope_schema() -> Json:
    """The schema of an event's stored state, as `envelope.encode` writes it."""
    name = "envelope.v1"
    return {
        "$schema": DIALECT,
        "$id": f"urn:teamledger:event:{name}",
        "title": name,
        "description": "Who, where and when of a fact; its name is the topic of the event.",
        **_object(
            {
                "id": {"type": "string", "format": "uuid", "description": "UUID version 7."},
                "at": {
                    "type": "string",
                    "pattern": MOMENT_PATTERN,
                    "description": "When it was recorded: UTC, never before the event before it.",
                },
                "inc": _count(1, "Version of the fact that began the present life of the thing."),
                "n": {
                    "type": "array",
                    "prefixItems": [_count(0, "Index in the command."), _count(1, "Its facts.")],
                    "items": False,
                    "minItems": 2,
                },
                "meta": _meta_schema(),
                "v": _count(1, "Version of the fact's shape."),
                "data": {"type": "object", "description": "The fact; see its own schema."},
            }
        ),
        "$defs": {"Sealed": Sealed.model_json_schema(schema_generator=_Stored)},
    }


def _meta_schema() -> Json:
    sealed = {"$ref": "#/$defs/Sealed"}
    return _object(
        {
            "command_id": _text("Shared by all facts of one command."),
            "command": _text("Name of the command."),
            "actor": _text("User id of the authenticated caller."),
            "actor_key": _text("sha256 of the credential, in hex."),
            "actor_role": _text("Role that the decision was made for."),
            "on_behalf_of": sealed,
            "client": sealed,
            "correlation_id": _text("Spans a request."),
            "causation_id": _text("Event that a process manager reacted to."),
        },
        required=["command_id", "command"],
    )


def _object(properties: Json, required: list[str] | None = None) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def _text(description: str) -> Json:
    return {"type": "string", "description": description}


def _count(minimum: int, description: str) -> Json:
    return {"type": "integer", "minimum": minimum, "description": description}


def files() -> Iterator[tuple[str, bytes]]:
    """Names and contents of the schema files of this build."""
    schemas = [fact_schema(cls) for cls in known_facts()]
    for schema in [envelope_schema(), *schemas]:
        yield f"{schema['title']}.json", orjson.dumps(schema, option=orjson.OPT_INDENT_2) + b"\n"


def write(folder: Path = FOLDER) -> None:
    """Write the files of this build; those of older versions stay as they are."""
    folder.mkdir(exist_ok=True)
    for name, content in files():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    write()
