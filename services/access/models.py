"""Which models a key may use, by all lists that bound it (auth.md 2 rows 11, 17, 18, and 5.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from events.models import ALL_MODELS, INHERITED, allows

_ALL_OF_THE_TEAM, _NONE = "all-team-models", "no-default-models"


@dataclass(frozen=True, slots=True)
class ModelLists:
    """The lists of a key, of its team with the aliases there, and of the user of a key of no team.

    An empty list allows all models, one of a user with `no-default-models` none. Names of access
    groups are names like others: what is in a group only the gateway knows.
    """

    key: Sequence[str] = ()
    team: Sequence[str] = ()
    aliases: Mapping[str, Any] = field(default_factory=dict)
    user: Sequence[str] = ()

    def usable(self, served: Sequence[str]) -> list[str]:
        """The models by name, in the order of the lists, each once.

        `served` are all that the gateways serve, for lists that allow all or by pattern.
        """
        named = dict.fromkeys([*self.key, *self.team, *self.aliases, *self.user, *served])
        return [model for model in named if _is_one(model) and self._allows(model)]

    def _allows(self, model: str) -> bool:
        """An alias of the team is judged by the key under its own name, or as its target."""
        own = () if _ALL_OF_THE_TEAM in self.key else self.key
        names = {model, str(self.aliases.get(model, model))}
        return (
            any(allows(own, name) for name in names)
            and allows(self.team, model, self.aliases)
            and _NONE not in self.user
            and allows(self.user, model)
        )


def _is_one(name: str) -> bool:
    return name not in ALL_MODELS | INHERITED and "*" not in name
