"""What a thing was before it came here: a fact in the stream of whatever was imported."""

from events.registry import DomainEvent, fact
from events.values import Moment


@fact("thing.imported")
class ThingImported(DomainEvent):
    """Ends the facts that one record of another system became; nothing else follows from it.

    `table` and `id` name the record. `digest` is an HMAC of what was in it, by which a later
    import tells whether it has changed since. The moments are those of the other system, and
    answers show them; `deleted_at` is given for a life that was over before it was imported.
    """

    source: str
    table: str
    id: str
    digest: str
    created_at: Moment | None = None
    created_by: str | None = None
    updated_at: Moment | None = None
    updated_by: str | None = None
    deleted_at: Moment | None = None
    deleted_by: str | None = None
    deleted_by_key: str | None = None
