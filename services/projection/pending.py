"""What is to happen to one row, as far as it is known without a look at the table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Shape = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


@dataclass(slots=True)
class Whole:
    """A row that is known in full: later operations change it here."""

    values: dict[str, Any]

    def change(self, columns: Mapping[str, Any]) -> None:
        self.values.update(columns)

    def merge(self, column: str, patch: Mapping[str, Any], removed: Iterable[str]) -> None:
        self.values[column] = _merged(self.values.get(column), patch, removed)

    def add(self, column: str, amount: int) -> None:
        self.values[column] = (self.values.get(column) or 0) + amount


@dataclass(slots=True)
class Changed:
    """What is to happen to a row of which the rest stands in the table, if it is there at all."""

    values: dict[str, Any] = field(default_factory=dict)
    patches: dict[str, tuple[dict[str, Any], set[str]]] = field(default_factory=dict)
    amounts: dict[str, int] = field(default_factory=dict)

    @property
    def shape(self) -> Shape:
        """Which columns are set, merged and added to: rows of one shape share a statement."""
        return tuple(sorted(self.values)), tuple(sorted(self.patches)), tuple(sorted(self.amounts))

    def change(self, columns: Mapping[str, Any]) -> None:
        self.values.update(columns)
        for column in columns:
            self.patches.pop(column, None)
            self.amounts.pop(column, None)

    def merge(self, column: str, patch: Mapping[str, Any], removed: Iterable[str]) -> None:
        if column in self.values:
            self.values[column] = _merged(self.values[column], patch, removed)
            return
        pending, gone = self.patches.get(column, ({}, set()))
        self.patches[column] = _merged(pending, patch, removed), gone | set(removed)

    def add(self, column: str, amount: int) -> None:
        if column in self.values:
            self.values[column] = (self.values[column] or 0) + amount
        else:
            self.amounts[column] = self.amounts.get(column, 0) + amount

    def apply(self, row: Whole) -> None:
        """Do to a row what is to happen to it."""
        row.change(self.values)
        for column, (patch, removed) in self.patches.items():
            row.merge(column, patch, removed)
        for column, amount in self.amounts.items():
            row.add(column, amount)


class Gone:
    """A row that is not there: whatever changes it, changes nothing."""

    def change(self, columns: Mapping[str, Any]) -> None: ...

    def merge(self, column: str, patch: Mapping[str, Any], removed: Iterable[str]) -> None: ...

    def add(self, column: str, amount: int) -> None: ...


GONE = Gone()
Pending = Whole | Changed | Gone


def _merged(
    value: Mapping[str, Any] | None, patch: Mapping[str, Any], removed: Iterable[str]
) -> dict[str, Any]:
    gone = set(removed)
    return {k: v for k, v in (value or {}).items() if k not in gone} | dict(patch)
