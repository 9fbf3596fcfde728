"""The kinds of requests, each a pure function of the request's number.

`request(n)` gives the whole HTTP request, `right(n, answer)` says whether the decoded answer is
the one that request `n` must get, `lane(n)` names the line of the report it belongs to.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeGuard

from tests.benchmarks.gateway_work import Decide, DecideCalmly, Reserve
from tests.benchmarks.messages import HOST, Kind, Target

UPDATED_TEAMS = 200
USERS = 1_000
MEMBERS_PER_TEAM = 5
PAGE_SIZE = 10
PAGES = UPDATED_TEAMS // PAGE_SIZE
_SCATTER = 2_654_435_761  # a prime above every pool: n * _SCATTER % pool visits all of it

_TEAM_BODY = (
    b'{"team_alias":"bench-%d","models":["gpt-4o","gpt-4o-mini","claude-sonnet"],'
    b'"max_budget":1000000000.0,"budget_duration":"30d","tpm_limit":100000,"rpm_limit":1000,'
    b'"blocked":false,"metadata":{"cost_center":"cc-%d","owner":"platform"},'
    b'"team_member_permissions":["/key/generate","/key/info"]%b}'
)


class Workload(Protocol):
    """See the module's docstring; `lanes` are all names that `lane` may give."""

    lanes: tuple[str, ...]

    def lane(self, n: int, /) -> str: ...
    def request(self, n: int, /) -> bytes: ...
    def right(self, n: int, answer: object, /) -> bool: ...


def workload(kind: Kind, target: Target) -> Workload:
    """The workload of that kind against that target."""
    return _WORKLOADS[kind](target)


def team_id(index: int) -> str:
    """The id of a team that `Seed` makes."""
    return f"bench-{index}"


def first_member(index: int) -> str:
    """The user id of a member of the team `team_id(index)`."""
    return f"bench-user-{index % USERS}"


def says(answer: object, **expected: object) -> TypeGuard[dict[str, Any]]:
    """Whether the answer is an object holding all of these."""
    return isinstance(answer, dict) and all(
        name in answer and answer[name] == value for name, value in expected.items()
    )


class _OneLane:
    """A workload whose requests all stand in the same line of the report."""

    kind: Kind

    def __init__(self, target: Target) -> None:
        self._target = target
        self.lanes: tuple[str, ...] = (self.kind.value,)

    def lane(self, _n: int) -> str:
        return self.kind.value

    def _post(self, path: str) -> Callable[[bytes], bytes]:
        head = b"%bContent-Type: application/json\r\nContent-Length: " % self._head("POST", path)
        return lambda body: b"%b%d\r\n\r\n%b" % (head, len(body), body)

    def _get(self, path: str) -> bytes:
        return self._head("GET", path) + b"\r\n"

    def _head(self, method: str, path: str) -> bytes:
        return (
            f"{method} {path} HTTP/1.1\r\nHost: {HOST}:{self._target.port}\r\n"
            f"Authorization: Bearer {self._target.key}\r\n"
        ).encode()


class Noop(_OneLane):
    """The ceiling: FastAPI parses and serialises the body of `/team/new`, and does nothing."""

    kind = Kind.NOOP
    path = "/noop"

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._render = self._post(self.path)

    def request(self, n: int) -> bytes:
        return self._render(_TEAM_BODY % (n, n % 100, b""))

    def right(self, n: int, answer: object) -> bool:
        return says(answer, team_alias=f"bench-{n}", tpm_limit=100_000)


class TeamNew(Noop):
    """Every request makes a team of its own, with an id that the service chooses."""

    kind = Kind.TEAM_NEW
    path = "/team/new"

    def right(self, n: int, answer: object) -> bool:
        return says(answer, team_alias=f"bench-{n}") and bool(answer.get("team_id"))


class Seed(_OneLane):
    """Request `n` makes the team `team_id(n)` with MEMBERS_PER_TEAM of USERS users."""

    kind = Kind.SEED

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._render = self._post("/team/new")

    def request(self, n: int) -> bytes:
        members = b",".join(
            b'{"user_id":"%b","role":"user"}' % first_member(n + place).encode()
            for place in range(MEMBERS_PER_TEAM)
        )
        own = b',"team_id":"%b","members_with_roles":[%b]' % (team_id(n).encode(), members)
        return self._render(_TEAM_BODY % (n, n % 100, own))

    def right(self, n: int, answer: object) -> bool:
        return says(answer, team_id=team_id(n), team_alias=f"bench-{n}")


class MemberAdd(_OneLane):
    """Every request adds a user nobody has seen before to the one roster team."""

    kind = Kind.MEMBER_ADD

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._render = self._post("/team/member_add")
        self._body = b'{"team_id":"%b","member":{"user_id":"bench-joiner-%%d","role":"user"}}' % (
            target.roster_team.encode()
        )

    def request(self, n: int) -> bytes:
        return self._render(self._body % n)

    def right(self, n: int, answer: object) -> bool:
        if not says(answer, team_id=self._target.roster_team):
            return False
        roster, joiner = answer.get("members_with_roles"), f"bench-joiner-{n}"
        return isinstance(roster, list) and any(
            says(member, user_id=joiner, role="user") for member in roster
        )


class TeamUpdate(_OneLane):
    """Every request sets a new budget, in USD, for one of UPDATED_TEAMS teams."""

    kind = Kind.TEAM_UPDATE

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._render = self._post("/team/update")

    def request(self, n: int) -> bytes:
        return self._render(
            b'{"team_id":"bench-%d","max_budget":%d.0}' % (n % UPDATED_TEAMS, 1_000_000 + n)
        )

    def right(self, n: int, answer: object) -> bool:
        name = team_id(n % UPDATED_TEAMS)
        return says(answer, team_id=name) and says(
            answer.get("data"), team_id=name, max_budget=1_000_000.0 + n
        )


class MemberUpdate(_OneLane):
    """Every request sets a new budget, in USD, for a member of one of UPDATED_TEAMS teams."""

    kind = Kind.MIXED

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._render = self._post("/team/member_update")

    def request(self, n: int) -> bytes:
        index = n % UPDATED_TEAMS
        member = first_member(index).encode()
        return self._render(
            b'{"team_id":"bench-%d","user_id":"%b","max_budget_in_team":%.2f}'
            % (index, member, self._budget(n))
        )

    def right(self, n: int, answer: object) -> bool:
        index = n % UPDATED_TEAMS
        return says(
            answer,
            team_id=team_id(index),
            user_id=first_member(index),
            max_budget_in_team=self._budget(n),
        )

    @staticmethod
    def _budget(n: int) -> float:
        return n % 10_000_000 / 100


class TeamInfo(_OneLane):
    """Reads one team after another, scattered over the whole pool."""

    kind = Kind.TEAM_INFO

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._before, _, self._after = self._get("/team/info?team_id=bench-#").partition(b"#")

    def request(self, n: int) -> bytes:
        return b"%b%d%b" % (self._before, self._index(n), self._after)

    def right(self, n: int, answer: object) -> bool:
        name = team_id(self._index(n))
        return says(answer, team_id=name) and says(answer.get("team_info"), team_id=name)

    def _index(self, n: int) -> int:
        return n * _SCATTER % self._target.pool


class TeamList(_OneLane):
    """Reads the first PAGES pages of PAGE_SIZE teams, in turn."""

    kind = Kind.TEAM_LIST

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._requests = tuple(
            self._get(f"/v2/team/list?page={page}&page_size={PAGE_SIZE}")
            for page in range(1, PAGES + 1)
        )

    def request(self, n: int) -> bytes:
        return self._requests[n % PAGES]

    def right(self, n: int, answer: object) -> bool:
        if not says(answer, page=n % PAGES + 1, page_size=PAGE_SIZE):
            return False
        teams, total = answer.get("teams"), answer.get("total")
        return (
            isinstance(teams, list)
            and len(teams) == PAGE_SIZE
            and isinstance(total, int)
            and total >= self._target.pool
        )


class Mixed:
    """Of five requests one writes, budgets of teams and of members by turns; four read a team."""

    READ, WRITE = "mixed: /team/info", "mixed: update"
    lanes: tuple[str, ...] = (READ, WRITE)

    def __init__(self, target: Target) -> None:
        self._info = TeamInfo(target)
        self._writers: tuple[Workload, Workload] = (TeamUpdate(target), MemberUpdate(target))

    def lane(self, n: int) -> str:
        return self.READ if n % 5 else self.WRITE

    def request(self, n: int) -> bytes:
        part, number = self._part(n)
        return part.request(number)

    def right(self, n: int, answer: object) -> bool:
        part, number = self._part(n)
        return part.right(number, answer)

    def _part(self, n: int) -> tuple[Workload, int]:
        return (self._info, n) if n % 5 else (self._writers[n // 5 % 2], n // 10)


_WORKLOADS: dict[Kind, Callable[[Target], Workload]] = {
    Kind.NOOP: Noop,
    Kind.SEED: Seed,
    Kind.TEAM_NEW: TeamNew,
    Kind.MEMBER_ADD: MemberAdd,
    Kind.TEAM_UPDATE: TeamUpdate,
    Kind.TEAM_INFO: TeamInfo,
    Kind.TEAM_LIST: TeamList,
    Kind.MIXED: Mixed,
    Kind.DECIDE: Decide,
    Kind.DECIDE_CALMLY: DecideCalmly,
    Kind.RESERVE: Reserve,
}
