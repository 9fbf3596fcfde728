"""What a gateway asks for: decisions about calls of KEYS keys, in teams of KEYS_PER_TEAM."""

from tests.benchmarks.messages import Kind, Target

KEYS = 1_000
KEYS_PER_TEAM = 20
BUDGET = 1_000_000
_SCATTER = 2_654_435_761


def secret(index: int) -> str:
    """The key number `index`."""
    return f"sk-bench-decide-{index:05}"


def team_of(index: int) -> str:
    """The team of the key number `index`."""
    return f"bench-decide-{index // KEYS_PER_TEAM}"


class Decide:
    """Each request asks about a call of one of the keys, scattered over all of them."""

    kind = Kind.DECIDE
    body = b'{"key":"%b","model":"gpt-4o","estimated_cost":0.01}'

    def __init__(self, target: Target) -> None:
        self.lanes: tuple[str, ...] = (self.kind.value,)
        head = (
            f"POST /v1/decide HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
            f"Authorization: Bearer {target.key}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        bodies = [self.body % secret(index).encode() for index in range(KEYS)]
        self._requests = [b"%b%d\r\n\r\n%b" % (head, len(body), body) for body in bodies]

    def lane(self, _n: int) -> str:
        return self.kind.value

    def request(self, n: int) -> bytes:
        return self._requests[_index(n)]

    def right(self, n: int, answer: object) -> bool:
        """Allowed, for the right team, with the budgets of key, team and organization."""
        if not isinstance(answer, dict) or answer.get("allowed") is not True:
            return False
        kinds = [budget["kind"] for budget in answer["budgets"]]
        return answer.get("team_id") == team_of(_index(n)) and kinds == [
            "key",
            "team",
            "organization",
        ]


class Reserve(Decide):
    """The same, and the estimate is held under all three budgets."""

    kind = Kind.RESERVE
    body = (
        b'{"key":"%b","model":"gpt-4o","estimated_cost":0.01,"reserve":true,'
        b'"reservation_seconds":5}'
    )

    def right(self, n: int, answer: object) -> bool:
        return super().right(n, answer) and bool(answer["reservation"]["id"])  # type: ignore[index]


class DecideCalmly(Decide):
    """The same as Decide, by few connections: how long one takes when the machine is not full."""

    kind = Kind.DECIDE_CALMLY


def _index(n: int) -> int:
    return n * _SCATTER % KEYS
