"""What gateways send when things go wrong: again, in another order, late, and altered.

Of an id only plain repeats come through other senders: which of two payloads is the first one is
then known from the files alone.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

Item = dict[str, Any]
MODELS = ("gpt-4o", "gpt-4o-mini", "claude-sonnet-4", "gemini-2.5-pro", "o3")
SPAN = timedelta(days=3)
REPEATED, ALTERED, CORRECTED, DELAYED, FAILED, BY_KEY = 0.2, 0.05, 0.01, 0.05, 0.05, 0.9
ALTERED_COST = "999999.5"
BATCHES = (1, 2, 7, 40, 150, 400, 1_000)


@dataclass(frozen=True, slots=True)
class _Delivery:
    """An item, and when a sender sends it: 0 to 1 in no order, from there on late."""

    sender: int
    place: float
    item: Item


@dataclass(slots=True)
class Gateways:
    """Calls made with these keys (by their secrets) or claims, until `now`."""

    keys: Sequence[str]
    claims: Sequence[Mapping[str, str]]
    now: datetime
    chance: Random

    def write(self, folder: Path, calls: int, senders: int) -> list[Path]:
        """A file for each sender; each line is an array that is sent at once."""
        deliveries = [d for number in range(calls) for d in self._sent(number, senders)]
        deliveries.sort(key=lambda delivery: delivery.place)
        paths = [folder / f"sender-{number}.jsonl" for number in range(senders)]
        for number, path in enumerate(paths):
            items = [d.item for d in deliveries if d.sender == number]
            with path.open("w") as file:
                file.writelines(f"{json.dumps(batch)}\n" for batch in self._batches(items))
        return paths

    def _sent(self, number: int, senders: int) -> Iterator[_Delivery]:
        chance = self.chance
        late = 1 if chance.random() < DELAYED else 0
        first = _Delivery(chance.randrange(senders), late + chance.random(), self._call(number))
        yield first
        if chance.random() < REPEATED:
            yield replace(first, sender=chance.randrange(senders), place=2 * chance.random())
        if chance.random() < ALTERED:
            yield replace(first, place=self._after(first), item=self._altered(first.item))
        if chance.random() < CORRECTED:
            yield replace(first, place=self._after(first), item=self._correction(first.item))

    def _after(self, first: _Delivery) -> float:
        return first.place + 0.001 + self.chance.random()

    def _call(self, number: int) -> Item:
        chance = self.chance
        failed = chance.random() < FAILED
        by_key = chance.random() < BY_KEY
        return {
            "id": f"call-{number}",
            "started_at": (self.now - SPAN * chance.random()).isoformat(),
            **({"key": chance.choice(self.keys)} if by_key else chance.choice(self.claims)),
            "model": chance.choice(MODELS),
            "status": "failure" if failed else "success",
            "cost": "0" if failed else self._cost(),
            "prompt_tokens": chance.randrange(10_000),
            "completion_tokens": 0 if failed else chance.randrange(3_000),
        }

    def _altered(self, item: Item) -> Item:
        """The same id with another cost, and maybe another key, model or start."""
        others = {"key": self.chance.choice(self.keys), "model": "altered", "prompt_tokens": 7}
        name = self.chance.choice([name for name in others if name in item])
        return {**item, name: others[name], "cost": ALTERED_COST}

    def _correction(self, item: Item) -> Item:
        less = -Decimal(item["cost"]) * self.chance.choice((0, 1, 2)) / 2
        return {
            "id": f"correction of {item['id']}",
            "corrects": item["id"],
            "cost": f"{round(less, 18):f}",
            "prompt_tokens": self.chance.randrange(-5, 5),
        }

    def _cost(self) -> str:
        """Of any precision there may be."""
        decimals = self.chance.choice((2, 7, 12, 18))
        return f"{Decimal(self.chance.randrange(10**decimals)).scaleb(-decimals):f}"

    def _batches(self, items: Sequence[Item]) -> Iterator[Sequence[Item]]:
        start = 0
        while start < len(items):
            size = self.chance.choice(BATCHES)
            yield items[start : start + size]
            start += size


def sent(paths: Sequence[Path]) -> Iterator[Item]:
    """All items of the files; of each id the one that has to count comes first."""
    for path in paths:
        with path.open() as file:
            for line in file:
                yield from json.loads(line)
