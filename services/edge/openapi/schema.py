"""JSON schemas of answers, bodies and parameters, all from one run of one generator."""

from collections.abc import Hashable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from events.values import JsonObject
from services.edge.openapi.glossary import ALWAYS_NULL, FIELDS

SCHEMAS = "#/components/schemas/"


class Document(BaseModel):
    """An answer, or a part of one, with every field there may be; no object is ever made of it."""

    model_config = ConfigDict(extra="forbid", defer_build=True, protected_namespaces=())


SOMETIMES: Any = Field(default_factory=lambda: None)
"""The default of a field that is left out at times, and not null then."""

Moment = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?(Z|\+00:00)$",
        json_schema_extra={"format": "date-time"},
    ),
]
"""ISO 8601 in UTC."""


class _Untitled(GenerateJsonSchema):
    """Without titles, which would only say the names of fields again."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002
        return False


def schemas(types: Mapping[Hashable, Any]) -> tuple[dict[Hashable, JsonObject], JsonObject]:
    """The schema of each type, and the components that they refer to, by name.

    A field without a description of its own has that of its name in the glossary. Null is the
    default of no field: what absent means is for its route to say.
    """
    inputs: Any = [(key, "validation", TypeAdapter(type_)) for key, type_ in types.items()]
    made, rest = TypeAdapter.json_schemas(
        inputs, ref_template=SCHEMAS + "{model}", schema_generator=_Untitled
    )
    components: JsonObject = rest.get("$defs", {})
    for component in components.values():
        component.pop("title", None)
        for name, field in component.get("properties", {}).items():
            _describe(name, field)
    return {key: schema for (key, _), schema in made.items()}, components


def _describe(name: str, field: JsonObject) -> None:
    if field.get("default", ...) is None:
        del field["default"]
    if field.get("type") == "null":
        field["description"] = ALWAYS_NULL
    elif "description" not in field and name in FIELDS:
        field["description"] = FIELDS[name]
