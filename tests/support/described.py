"""The description of the service, and what it says of an answer."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, cast

from jsonschema import Draft202012Validator, ValidationError

from services.standalone import description

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Described:
    """One operation of the document."""

    method: str
    path: str
    operation: Json
    document: Json

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    def resolved(self, part: Json) -> Json:
        """What a part of the document refers to, or the part itself."""
        while (reference := part.get("$ref")) is not None:
            part = self.document
            for step in reference.removeprefix("#/").split("/"):
                part = part[step]
        return part

    def content(self, status: int) -> Json:
        """What is said of answers with a status, of JSON if it is one way; fails without any."""
        responses = self.operation["responses"]
        assert str(status) in responses, f"{self}: no {status} is described"
        described = responses[str(status)]["content"]
        (content,) = (
            content
            for media_type, content in described.items()
            if "json" in media_type or len(described) == 1
        )
        return cast("Json", content)

    @property
    def answer_schema(self) -> Json:
        """That of a success, without that of a rehearsal."""
        schema: Json = self.content(200)["schema"]
        rehearsed = "DryRun" in str(self.operation["parameters"])
        return schema["anyOf"][0] if rehearsed else schema

    @cached_property
    def refusals(self) -> dict[str, tuple[int, Json]]:
        """The examples of refusals by name, each with its status."""
        return {
            name: (int(status), self.resolved(example)["value"])
            for status, response in self.operation["responses"].items()
            for content in response["content"].values()
            for name, example in content.get("examples", {}).items()
        }

    def example_request(self) -> tuple[str, Any, dict[str, str]]:
        """Path, body and query of the example; the body is None where none is taken."""
        path, query = self.path, {}
        for part in self.operation["parameters"]:
            if "example" in part and part["in"] == "path":
                path = path.replace(f"{{{part['name']}}}", part["example"])
            elif "example" in part:
                query[part["name"]] = str(part["example"])
        body = self.operation.get("requestBody")
        return path, body and body["content"]["application/json"]["example"], query

    def problems(self, schema: Json, instance: object) -> list[str]:
        """What of an instance is not as the schema says, each with the place."""
        return [f"{self}: {e.json_path}: {e.message}" for e in self.errors(schema, instance)]

    def errors(self, schema: Json, instance: object) -> Iterator[ValidationError]:
        """The same as jsonschema tells it; of alternatives, by what is wrong with the nearest."""
        root = {**schema, "components": self.document["components"]}
        for error in Draft202012Validator(root).iter_errors(instance):
            yield from _innermost(error)

    def check(self, status: int, body: object) -> None:
        """Fail unless an answer is as described."""
        problems = self.problems(self.content(status)["schema"], body)
        assert not problems, "\n".join(problems)


def _innermost(error: ValidationError) -> Iterator[ValidationError]:
    by_alternative: dict[object, list[ValidationError]] = {}
    for inner in error.context or ():
        by_alternative.setdefault(inner.relative_schema_path[0], []).append(inner)
    candidates = [
        errors
        for errors in by_alternative.values()
        if not any(e.validator == "type" and not e.relative_path for e in errors)
    ]
    if not candidates:
        yield error
        return
    for inner in min(candidates, key=len):
        yield from _innermost(inner)


@cache
def document() -> Json:
    return description()


@cache
def operations() -> Mapping[tuple[str, str], Described]:
    """All operations, by method in capitals and path."""
    return {
        (method.upper(), path): Described(method, path, operation, document())
        for path, by_method in document()["paths"].items()
        for method, operation in by_method.items()
    }


def described(method: str, path: str) -> Described | None:
    """The operation that answers a request; `path` without its query."""
    if (found := operations().get((method, path))) is not None:
        return found
    for (of, template), operation in operations().items():
        if of == method and "{" in template and _pattern(template).fullmatch(path):
            return operation
    return None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", ".+", template))
