"""What processes expose at /metrics, and what docs/operations/metrics.md says of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from services.operation.exposed import Kind, registry_of
from services.operation.standing import Standing

ROOT = Path(__file__).parents[2]
DOCUMENTED = ROOT / "docs/operations/metrics.md"
OF_HISTOGRAMS = frozenset({"le"})
_NAME = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of the document."""

    kind: str
    labels: frozenset[str]
    unit: str
    processes: frozenset[str]
    meaning: str


def documented() -> dict[str, Listed]:
    """All rows, by the name of the metric; none is listed twice."""
    found = list(_rows())
    assert len(found) == len(dict(found))
    return dict(found)


def _rows() -> Iterator[tuple[str, Listed]]:
    for line in DOCUMENTED.read_text().splitlines():
        if line.startswith("| `"):
            cells = [cell.strip() for cell in line.split("|")[1:-1]]
            name, kind, labels, unit, processes, meaning = cells
            of = {"serve", "command", "projection", "relay", "usage-consumer"}
            given = of if processes == "all" else set(processes.split(", "))
            listed = Listed(kind, frozenset(_NAME.findall(labels)), unit, frozenset(given), meaning)
            yield name.strip("`"), listed


def documented_of(process: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Type and labels of what a kind of process exposes, by name."""
    listed = documented().items()
    return {name: (of.kind, of.labels) for name, of in listed if process in of.processes}


def exposed(text: str) -> dict[str, tuple[str, frozenset[str] | None]]:
    """The same of what one does expose; no labels are known where there is no sample."""
    found: dict[str, tuple[str, frozenset[str] | None]] = {}
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {frozenset(sample.labels) - OF_HISTOGRAMS for sample in family.samples}
        assert len(labels) <= 1, f"{name} has series of {labels}"
        found[name] = family.type, next(iter(labels), None)
    return found


def assert_as_documented(process: str, text: str) -> None:
    """Whatever is exposed is documented with its type and labels, and the other way round."""
    found, listed = exposed(text), documented_of(process)
    assert found.keys() == listed.keys()
    for name, (kind, labels) in found.items():
        expected_kind, expected_labels = listed[name]
        assert (name, kind) == (name, expected_kind)
        assert labels is None or (name, labels) == (name, expected_labels)


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """All values, by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def counted(kind: Kind, name: str, **labels: str) -> float:
    """What this very process has counted, as one of that kind would tell it."""
    registry = registry_of(kind, lambda: Standing(None, None))
    return value(generate_latest(registry).decode(), name, **labels)


def value(text: str, name: str, **labels: str) -> float:
    """That of one series."""
    return samples(text)[name, frozenset(labels.items())]
