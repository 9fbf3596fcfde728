"""Facts about usage that could not be booked as it came, stream `dead_letters-{topic}`."""

from events.registry import DomainEvent, fact


@fact("usage.dead_letters_replayed")
class DeadLettersReplayed(DomainEvent):
    """Messages of a topic are to be booked after all, as reported by `source`.

    `letters` are their places in the topic, `partition:offset`; `topic_id` tells which topic of
    that name. Recorded before any of them is booked; none is booked twice.
    """

    topic_id: str
    source: str
    letters: list[str]
