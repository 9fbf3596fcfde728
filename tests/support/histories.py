"""Random histories that could have happened, with what they come to, known without a fold."""

from dataclasses import dataclass, field

from hypothesis import strategies as st

from events.envelope import Envelope
from events.registry import DomainEvent
from events.streams import TEAM, stream
from events.team import (
    MemberAdded,
    MemberRemoved,
    MemberRoleChanged,
    MembersRestored,
    RestoredMember,
    TeamBlocked,
    TeamCreated,
    TeamDeleted,
    TeamMetadataChanged,
    TeamRenamed,
    TeamRestored,
    TeamRole,
    TeamSettings,
    TeamUnblocked,
)
from tests.support.eventlog import History

TEAMS, USERS, ALIASES = ("t1", "t2-with-hyphen", "Ä"), ("ann", "bob", "cy"), (None, "one", "Zwei")
KINDS = ("rename", "metadata", "block", "delete", "delete", "member", "member", "member")
RESTORING = ("rename", "member")
"""What brings a deleted team back, as nothing can be done with it."""

Step = tuple[str, str, int]
"""What kind of thing, about which user, with which number."""


@dataclass
class Team:
    """What a life of a team has come to."""

    alias: str | None
    metadata: dict[str, object] = field(default_factory=dict)
    members: dict[str, TeamRole] = field(default_factory=dict)
    blocked: bool = False
    deleted: bool = False


@dataclass
class Story:
    """Commands in order, and the teams they leave, by id and incarnation."""

    log: History = field(default_factory=History)
    commands: list[list[Envelope]] = field(default_factory=list)
    teams: dict[tuple[str, int], Team] = field(default_factory=dict)

    def live(self, team_id: str) -> Team | None:
        """The present life of a team, if it has one."""
        last = self.last(team_id)
        return last if last is not None and not last.deleted else None

    def last(self, team_id: str) -> Team | None:
        """Its last life, over or not."""
        lives = [team for (name, _), team in self.teams.items() if name == team_id]
        return lives[-1] if lives else None

    def happens(self, team_id: str, *facts: DomainEvent) -> None:
        """One more command."""
        named = stream(TEAM, team_id)
        self.commands.append(self.log.command(*((named, fact) for fact in facts)))

    def restore(self, team_id: str, team: Team) -> None:
        """The last life goes on with those who were in it."""
        settings, total = TeamSettings(team_alias=team.alias), len(team.members)
        back = [RestoredMember(user_id=user, role=role) for user, role in team.members.items()]
        self.happens(
            team_id,
            TeamRestored(settings=settings, members_total=total, keys=False),
            *([MembersRestored(members=back)] if back else []),
        )
        team.deleted = False

    def create(self, team_id: str, alias: str | None, members: list[str]) -> None:
        settings = TeamSettings(team_alias=alias, metadata={"kept": True})
        added = [MemberAdded(user_id=user_id, role="admin") for user_id in members]
        self.happens(team_id, TeamCreated(settings=settings), *added)
        team = Team(alias, {"kept": True}, dict.fromkeys(members, "admin"))
        self.teams[team_id, self.commands[-1][0].originator_version] = team


def change(story: Story, team_id: str, team: Team, step: Step) -> None:
    """Let something happen to a living team that makes sense there."""
    kind, user_id, value = step
    match kind:
        case "rename":
            alias = ALIASES[value % len(ALIASES)]
            story.happens(team_id, TeamRenamed(before=team.alias, after=alias))
            team.alias = alias
        case "metadata":
            _change_metadata(story, team_id, team, value)
        case "block":
            team.blocked = not team.blocked
            story.happens(team_id, TeamBlocked() if team.blocked else TeamUnblocked())
        case "delete":
            settings = TeamSettings(team_alias=team.alias)
            total = len(team.members)
            story.happens(team_id, TeamDeleted(settings=settings, members_total=total))
            team.deleted = True
        case _:
            _change_member(story, team_id, team, user_id)


def _change_metadata(story: Story, team_id: str, team: Team, value: int) -> None:
    name = "abc"[value % 3]
    before = {k: v for k, v in team.metadata.items() if k == name}
    after: dict[str, object] = {} if value % 2 and before else {name: {"deep": value}}
    story.happens(team_id, TeamMetadataChanged(before=before, after=after))
    team.metadata.pop(name, None)
    team.metadata |= after


def _change_member(story: Story, team_id: str, team: Team, user_id: str) -> None:
    match team.members.get(user_id):
        case None:
            story.happens(team_id, MemberAdded(user_id=user_id, role="user"))
            team.members[user_id] = "user"
        case "user":
            changed = MemberRoleChanged(user_id=user_id, before="user", after="admin")
            story.happens(team_id, changed)
            team.members[user_id] = "admin"
        case "admin":
            story.happens(team_id, MemberRemoved(user_id=user_id, role="admin"))
            del team.members[user_id]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Up to 30 commands on three teams, one of which may live several times."""
    steps = st.tuples(
        st.sampled_from(TEAMS),
        st.sampled_from(KINDS),
        st.sampled_from(USERS),
        st.integers(0, 9),
    )
    story = Story()
    for team_id, kind, user_id, value in draw(st.lists(steps, min_size=1, max_size=30)):
        team, last = story.live(team_id), story.last(team_id)
        if team is None and last is not None and kind in RESTORING:
            story.restore(team_id, last)
        elif team is None:
            story.create(team_id, ALIASES[value % len(ALIASES)], [user_id][: value % 2])
        else:
            change(story, team_id, team, (kind, user_id, value))
    return story
