"""What is shown of a secret: enough to recognise it, too little to use it."""

_SHOWN = 4
_LONG_ENOUGH = 3 * _SHOWN
"""A secret no longer than this is hidden as a whole: eight of its characters would tell it."""


def masked_secret(text: str) -> str:
    """First and last four characters, if at least as many again stay hidden."""
    if len(text) <= _LONG_ENOUGH:
        return "****"
    return f"{text[:_SHOWN]}****{text[-_SHOWN:]}"
