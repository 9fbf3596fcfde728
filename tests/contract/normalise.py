"""What differs from run to run: generated ids, keys, hashes and times.

A text is split into a template and the tokens in it. Templates must be equal; tokens of a kind
are paired, recorded with answered, and a pair holds for the rest of the replay in both
directions: one recorded id is never answered by two ids, nor two by one.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

_TOKEN = re.compile(
    rf"""
      (?P<budget> (?<=-budget-)[0-9a-f]{{32}}(?![0-9a-f]) )
    | (?P<uuid> (?<![0-9a-f]){_UUID}(?![0-9a-f]) )
    | (?P<hash> (?<![0-9a-f])[0-9a-f]{{64}}(?![0-9a-f]) )
    | (?P<key_name> sk-\.\.\.[A-Za-z0-9_-]{{4}} )
    | (?P<key> <key:[^>]+> | sk-[A-Za-z0-9_-]{{22}} )
    | (?P<time> \b\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{{6}})?Z )
    """,
    re.VERBOSE,
)

RECORDED_AT = datetime(2026, 11, 23, 9, 52, 47, tzinfo=UTC)
"""When the recording was made: a Monday."""


@dataclass(frozen=True, slots=True)
class Token:
    """A part of a text that a run makes up; `kind` is a group name of the pattern above."""

    kind: str
    text: str


def split(text: str) -> tuple[str, list[Token]]:
    """The text with `<kind>` in place of every token, and the tokens from left to right."""
    tokens = [Token(str(match.lastgroup), match[0]) for match in _TOKEN.finditer(text)]
    return _TOKEN.sub(lambda match: f"<{match.lastgroup}>", text), tokens


def key_hash(key: str) -> str:
    """How a key is known in answers: lower-case hex sha256 (auth.md 1.2)."""
    return hashlib.sha256(key.encode()).hexdigest()


class Pairing:
    """Which answered token stands for which recorded one, kept one to one.

    Times are not paired (our commits share theirs differently), so only their form counts;
    but what was created at one recorded time keeps one answered time: see `creation`.
    """

    def __init__(self, literal_keys: Iterable[str] = ()) -> None:
        """`literal_keys` appear in requests as they are, so their hashes are the recorded ones."""
        self._answered: dict[Token, Token] = {}
        self._recorded: dict[Token, Token] = {}
        self._created: dict[str, str] = {}
        for key in literal_keys:
            self._bind(Token("hash", key_hash(key)), Token("hash", key_hash(key)))

    def pair(self, recorded: Token, answered: Token) -> str | None:
        """None when the two may stand for each other, else what speaks against it."""
        if recorded.kind == "time":
            return None
        if (bound := self._answered.get(recorded)) is not None and bound != answered:
            return f"{recorded.text} was answered as {bound.text} before"
        if (origin := self._recorded.get(answered)) is not None and origin != recorded:
            return f"{answered.text} was the answer for {origin.text} before"
        self._bind(recorded, answered)
        return None

    def texts(self, recorded: str, answered: str) -> str | None:
        """Pairs the tokens of two texts; None when they agree, else why they do not."""
        template, tokens = split(recorded)
        other, others = split(answered)
        if template != other or len(tokens) != len(others):
            return "differs"
        for token, counterpart in zip(tokens, others, strict=True):
            if (complaint := self.pair(token, counterpart)) is not None:
                return complaint
        return None

    def creation(self, recorded: str, answered: str) -> str | None:
        """None while a recorded `created_at` has always had this answer, else the first one."""
        first = self._created.setdefault(recorded, answered)
        return None if first == answered else f"{recorded} was answered as {first} before"

    def translate(self, recorded: str) -> str | None:
        """The text as it is answered; None while a token in it has no counterpart yet."""
        parts: list[str] = []
        end = 0
        for match in _TOKEN.finditer(recorded):
            token = Token(str(match.lastgroup), match[0])
            if (counterpart := self._answered.get(token)) is None:
                return None
            parts += [recorded[end : match.start()], counterpart.text]
            end = match.end()
        return "".join([*parts, recorded[end:]])

    def _bind(self, recorded: Token, answered: Token) -> None:
        self._answered[recorded] = answered
        self._recorded[answered] = recorded


@dataclass(frozen=True, slots=True)
class Run:
    """The time span of a replay; a window end computed within it may be that of either edge."""

    started: datetime
    ended: datetime

    def same_boundary(self, recorded: str, answered: str) -> bool:
        """Whether a `budget_reset_at` is for this run what the recorded one was for the recording.

        The rule is team-api.md 1.7: `1d` midnight, `7d` Monday, `30d` and `1mo` the first, UTC.
        """
        for rule, moment in boundaries(RECORDED_AT).items():
            if moment == recorded:
                return answered in {boundaries(at)[rule] for at in (self.started, self.ended)}
        return False


def boundaries(now: datetime) -> dict[str, str]:
    """The next midnight, Monday and first of a month after `now` (UTC), as answers show them."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = {
        "day": today + timedelta(days=1),
        "week": today + timedelta(days=7 - today.weekday()),
        "month": (today.replace(day=1) + timedelta(days=32)).replace(day=1),
    }
    return {rule: start.strftime("%Y-%m-%dT%H:%M:%SZ") for rule, start in starts.items()}
