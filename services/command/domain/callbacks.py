"""Secrets of logging callbacks: what answers show of them, and what a client sends back.

A secret comes as a variable with a `secret` under seal. Answers show only a mask of it, so a client
that sends back what it was shown sends masks: each stands for the secret that is there.
"""

from collections.abc import Sequence

from events.values import Callback, CallbackVariable
from services.command.domain.errors import MaskedSecret

MASK = "****"


def place(callback: Callback) -> tuple[str, str]:
    """A callback has a name, and a type of calls that it is told of."""
    return callback.callback_name, callback.callback_type


def unmasked(held: Sequence[Callback], wanted: Sequence[Callback]) -> list[Callback]:
    """`wanted`, with the secrets that its masks stand for; raises MaskedSecret where there is none.

    A callback that `wanted` names twice for the same type of calls counts once, the last one.
    """
    known = {place(callback): callback.variables for callback in held}
    result = {
        place(callback): callback.model_copy(
            update={
                "variables": {
                    name: _unmasked(known.get(place(callback), {}).get(name), name, variable)
                    for name, variable in callback.variables.items()
                }
            }
        )
        for callback in wanted
    }
    return list(result.values())


def _unmasked(
    held: CallbackVariable | None, name: str, variable: CallbackVariable
) -> CallbackVariable:
    if variable.secret is not None or MASK not in variable.shown:
        return variable
    if held is None or held.shown != variable.shown:
        raise MaskedSecret(name)
    return held
