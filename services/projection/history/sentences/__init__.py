"""Facts as plain sentences: one writer for each kind of thing, a phrase for each type of fact."""

from events.envelope import Envelope
from events.registry import UnknownFact
from services.projection.history.sentences import (
    of_keys,
    of_organizations,
    of_others,
    of_teams,
    of_users,
    of_webhooks,
)
from services.projection.history.sentences.wording import Phrases, Teller, Told
from services.projection.projector import identity

__all__ = ["PHRASES", "Teller", "sentence"]

PHRASES: Phrases = {
    **of_teams.PHRASES,
    **of_users.PHRASES,
    **of_keys.PHRASES,
    **of_organizations.PHRASES,
    **of_others.PHRASES,
    **of_webhooks.PHRASES,
}


def sentence(at: Envelope, teller: Teller) -> str:
    """Who did what, without a full stop; what a newer release recorded is told by its name."""
    phrase = PHRASES.get(type(at.event))
    if phrase is None:
        name = at.event.name if isinstance(at.event, UnknownFact) else at.event.type_name
        return f"{_who(at, teller)} did what this release cannot tell ({name})"
    return f"{_who(at, teller)} {phrase(at.event, Told(identity(at.originator_id), teller))}"


def _who(at: Envelope, teller: Teller) -> str:
    if at.meta.actor is not None:
        return teller.person(at.meta.actor)
    return "A key without a user" if at.meta.actor_key is not None else "The service"
