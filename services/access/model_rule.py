"""Which models a list allows a call of: the whole rule of auth.md 5.1; pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from events.models import allows


@dataclass(slots=True)
class Model:
    """A model as a call names it.

    `provider` is whom the gateway would send it to; `access_groups` are those that hold the model
    in the gateway's own configuration.
    """

    name: str
    provider: str | None = None
    access_groups: tuple[str, ...] = ()


def permits(
    allowed: Sequence[str],
    model: Model,
    aliases: Mapping[str, Any],
    granted: Collection[str] = (),
) -> bool:
    """Whether the list allows the model: by name, as an alias, with its provider, or by a group.

    `granted` are access groups that count in addition to those in the list.
    """
    if allows(allowed, model.name, aliases):
        return True
    if model.provider is not None and allows(allowed, f"{model.provider}/{model.name}"):
        return True
    return any(group in allowed or group in granted for group in model.access_groups)


def resolved(name: str, *aliases: Mapping[str, Any]) -> str:
    """The model that a name stands for, once each table of aliases was asked in turn."""
    for table in aliases:
        target = table.get(name)
        name = target if isinstance(target, str) else name
    return name
