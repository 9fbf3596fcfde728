"""Shaping what became of reported usage: one entry for each item, in the order they came in."""

from collections import Counter
from collections.abc import Iterator, Sequence

from events.usage import Usage, UsageRecorded
from events.values import JsonObject
from services.command.application.ledger_page import Entry, Outcome
from services.edge.usage.delivery import Unread

COUNTS = {
    "accepted": "recorded",
    "duplicates": "duplicate",
    "quarantined": "quarantined",
    "refused": "refused",
}
"""What the answer counts, and the status of the items that are counted."""


def report(
    read: Sequence[Usage | Unread],
    entries: Sequence[Entry],
    outcomes: Sequence[Outcome],
    position: int,
) -> JsonObject:
    """The answer: `entries` and their `outcomes` are those of the items that could be read."""
    items = list(_items(read, entries, outcomes))
    found = Counter(item["status"] for item in items)
    counts = {name: found[status] for name, status in COUNTS.items()}
    return {**counts, "position": position, "items": items}


def _items(
    read: Sequence[Usage | Unread], entries: Sequence[Entry], outcomes: Sequence[Outcome]
) -> Iterator[JsonObject]:
    booked = zip(entries, outcomes, strict=True)
    for index, item in enumerate(read):
        if isinstance(item, Unread):
            told = {"id": item.id, "status": "refused", "reason": item.reason}
            yield {"index": index, **told}
        else:
            yield {"index": index, "id": item.id, **_became(*next(booked))}


def _became(entry: Entry, outcome: Outcome) -> JsonObject:
    """`attributed` is told of calls: a correction counts where its original does."""
    told: JsonObject = {"status": outcome.status}
    if isinstance(entry.usage, UsageRecorded):
        told["attributed"] = entry.attribution.unattributed is None
    if outcome.altered:
        told["altered"] = True
    if reason := outcome.reason or entry.attribution.unattributed:
        told["reason"] = reason
    return told
