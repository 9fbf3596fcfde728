"""The command that finds out whose usage it is: judged like any other, without any effect."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from events.streams import KEY, ORGANIZATION, TEAM, USER, stream
from events.usage import Usage, UsageRecorded
from services.access.credentials import MAX_ROTATIONS
from services.access.principal import Principal
from services.command.application.callers import acting, stand_in
from services.command.application.requests import Decision
from services.command.application.view import View
from services.command.domain.key import ApiKey
from services.command.domain.usage import Attribution, Life


@dataclass(frozen=True, slots=True)
class Claim:
    """What a record says of who made the call; the key by its hash."""

    key_hash: str | None = None
    team_id: str | None = None
    user_id: str | None = None


def claim_of(usage: Usage) -> Claim | None:
    """A correction claims nothing: it counts where its original does."""
    if not isinstance(usage, UsageRecorded):
        return None
    return Claim(usage.key_hash, usage.team_id, usage.user_id)


@dataclass(frozen=True, slots=True)
class Attribute:
    """Answers the attribution of each claim, as of the head of the log."""

    claims: Sequence[Claim]
    name: str = "Attribute"

    @classmethod
    def each(cls, claims: Iterable[Claim | None]) -> "Attribute":
        """Each of the claims once; what claims nothing is nobody's to find."""
        return cls(list(dict.fromkeys(claim for claim in claims if claim is not None)))

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        found = attributions(view, self.claims)
        return Decision((), lambda _: found)


def attributions(view: View, claims: Iterable[Claim]) -> Mapping[Claim, Attribution]:
    """Each claim once; raises Missing for all that is not at hand, one kind of thing at a time."""
    wanted = list(dict.fromkeys(claims))
    _need_keys(view, {claim.key_hash for claim in wanted if claim.key_hash})
    owners = {claim: _owners(view, claim) for claim in wanted}
    view.need(stream(TEAM, team) for team, _ in owners.values() if team)
    view.need(stream(USER, user) for _, user in owners.values() if user)
    organizations = {claim: _organization(view, claim, owners[claim][0]) for claim in wanted}
    view.need(stream(ORGANIZATION, name) for name in organizations.values() if name)
    return {claim: _attribution(view, claim, organizations[claim]) for claim in wanted}


def _need_keys(view: View, tokens: set[str]) -> None:
    """Those that stand in for them, too: one rotation of all at a time."""
    view.need(stream(KEY, token) for token in tokens)
    for _ in range(MAX_ROTATIONS):
        tokens = {after for token in tokens if (after := stand_in(view, view.key(token)))}
        view.need(stream(KEY, token) for token in tokens)


def _known(view: View, claim: Claim) -> ApiKey | None:
    """The key that was let in: of a secret in its grace period, the one that it stands for."""
    if claim.key_hash is None:
        return None
    _, key = acting(view, claim.key_hash)
    return key if key.incarnation else None


def _owners(view: View, claim: Claim) -> tuple[str | None, str | None]:
    key = _known(view, claim)
    if key is None:
        return claim.team_id, claim.user_id
    return key.settings.team_id, key.settings.user_id


def _organization(view: View, claim: Claim, team_id: str | None) -> str | None:
    key = _known(view, claim)
    if key is not None and key.settings.organization_id is not None:
        return key.settings.organization_id
    if team_id is None:
        return None
    team = view.recorded_team(team_id)
    if key is not None and team.incarnation != key.settings.team_incarnation:
        return None
    return team.settings.organization_id


def _attribution(view: View, claim: Claim, organization_id: str | None) -> Attribution:
    key = _known(view, claim)
    team_id, user_id = _owners(view, claim)
    organization = _organization_life(view, organization_id)
    if key is not None and claim.key_hash is not None:
        settings = key.settings
        return Attribution(
            organization,
            _team_life(view, team_id, settings.team_incarnation),
            _user_life(view, user_id),
            Life(claim.key_hash, view.key(claim.key_hash).incarnation, settings.key_alias),
        )
    team, user = _team_life(view, team_id, None), _user_life(view, user_id, claimed=True)
    if team is None and user is None:
        return Attribution(unattributed=_nobody(claim))
    return Attribution(organization if team else None, team, user)


def _team_life(view: View, team_id: str | None, incarnation: int | None) -> Life | None:
    """The life a key was made for, over or not; for a claim, the one that there is now."""
    if team_id is None:
        return None
    team = view.team(team_id)
    if incarnation is None:
        return Life(team_id, team.incarnation, team.settings.team_alias) if team.open else None
    of_this_life = team.incarnation == incarnation
    return Life(team_id, incarnation, team.settings.team_alias if of_this_life else None)


def _user_life(view: View, user_id: str | None, *, claimed: bool = False) -> Life | None:
    if user_id is None:
        return None
    user = view.user(user_id)
    there = user.open if claimed else user.incarnation > 0
    return Life(user_id, user.incarnation) if there else None


def _organization_life(view: View, organization_id: str | None) -> Life | None:
    if organization_id is None:
        return None
    organization = view.organization(organization_id)
    if not organization.incarnation:
        return None
    return Life(organization_id, organization.incarnation, organization.settings.organization_alias)


def _nobody(claim: Claim) -> str:
    if claim.key_hash is not None:
        return "unknown key"
    if claim.team_id is not None:
        return "unknown team"
    return "neither key nor team nor user" if claim.user_id is None else "unknown user"
