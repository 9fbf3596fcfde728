"""What became of every record: counts by kind, and an entry for each that needs a look.

Entries go to the report file as they come, one JSON object a line; of many only the first are
kept in memory.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import IO, Any, Literal

import orjson
import typer
from rich.table import Table

from services.cli.litellm.values import Finding
from services.cli.output import cell, print_table

KEPT = 1_000
SHOWN = 20
Outcome = Literal["imported", "unchanged", "refused"]
COLUMNS = ("imported", "unchanged", "repaired", "flagged", "changed", "refused")


@dataclass(slots=True)
class Report:
    """`repaired`, `flagged` and `changed` count things, each once, beside what became of them."""

    file: IO[bytes] | None = None
    kinds: dict[str, Counter[str]] = field(default_factory=dict)
    entries: list[dict[str, str]] = field(default_factory=list)
    entries_total: int = 0

    def settle(
        self, kind: str, table: str, identity: str, outcome: Outcome, found: Iterable[Finding]
    ) -> None:
        """Note one thing for good."""
        findings = list(found)
        self.kinds.setdefault(kind, Counter()).update(
            {outcome} | {finding.sort for finding in findings}
        )
        for finding in findings:
            self._enter(table, identity, finding)

    def left_over(self, kind: str, table: str, identity: str, finding: Finding) -> None:
        """Note a record that is part of no thing."""
        self.kinds.setdefault(kind, Counter())[finding.sort] += 1
        self._enter(table, identity, finding)

    @property
    def refused(self) -> int:
        return sum(counts["refused"] for counts in self.kinds.values())

    def _enter(self, table: str, identity: str, finding: Finding) -> None:
        entry = {
            "table": table,
            "id": identity,
            "sort": finding.sort,
            "what": finding.what,
            "why": finding.why,
        }
        self.entries_total += 1
        if len(self.entries) < KEPT:
            self.entries.append(entry)
        if self.file is not None:
            self.file.write(orjson.dumps(entry) + b"\n")

    def counted(self) -> dict[str, dict[str, int]]:
        """By kind of thing and what is to be said of it."""
        return {k: {name: counts[name] for name in COLUMNS} for k, counts in self.kinds.items()}

    def as_json(self, **more: Any) -> bytes:  # noqa: ANN401
        """For programs."""
        whole = {
            **more,
            "kinds": self.counted(),
            "entries": self.entries,
            "entries_total": self.entries_total,
        }
        return orjson.dumps(whole)

    def show(self) -> None:
        """For people: all counts, and the first entries."""
        table = Table("kind", *COLUMNS)
        for kind, counts in self.counted().items():
            table.add_row(kind, *(str(counts[name]) for name in COLUMNS))
        print_table(table)
        if not self.entries:
            return
        table = Table("table", "id", "", "what", "why")
        for entry in self.entries[:SHOWN]:
            table.add_row(*(cell(text) for text in entry.values()))
        print_table(table)
        if self.entries_total > SHOWN:
            typer.echo(f"... {self.entries_total - SHOWN} more; --report FILE holds them all")
