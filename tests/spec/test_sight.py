"""What of the ledger a caller is shown, by lives and not by ids (D19, D63, supporting-api.md 6)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from events.streams import ORGANIZATION, TEAM, USER
from services.access.activity import Membership, Share
from services.access.principal import (
    INTERNAL_USER,
    PROXY_ADMIN,
    VIEWER,
    AccessRefused,
    Principal,
)
from services.access.sight import (
    Known,
    Life,
    Sight,
    sight_of_all,
    sight_of_calls,
    sight_of_himself,
    sight_of_organizations,
    sight_of_teams,
)

ADMIN, PV = (Principal("h", "root", role, None) for role in (PROXY_ADMIN, VIEWER))
ANN = Principal("h", "ann", INTERNAL_USER, None)
NOBODY = Principal("h", None, None, "led")
SEEN = ["/team/daily/activity"]
KNOWN = Known(
    user=3,
    teams={
        "led": (1, Membership("admin", [])),
        "open": (2, Membership("user", SEEN)),
        "plain": (7, Membership("user", [])),
    },
    administered={"acme": 5},
)
HIMSELF, ACME = Life(USER, "ann", 3), Life(ORGANIZATION, "acme", 5)
LED, OPEN, PLAIN = Life(TEAM, "led", 1), Life(TEAM, "open", 2), Life(TEAM, "plain", 7)
GHOST = replace(KNOWN, user=None)


def of_whole(*lives: Life) -> Sight:
    return Sight(whole=frozenset(lives))


@pytest.mark.parametrize("caller", [ADMIN, PV])
def test_who_reads_everything_sees_everything(caller: Principal) -> None:
    assert sight_of_himself(caller, "anybody", Known()) is None
    assert sight_of_organizations(caller, ["any"], Known()) is None
    assert sight_of_all(caller, Known()) is None
    assert sight_of_calls(caller, "any", Known()) is None


def test_d19_teams_are_seen_in_the_life_that_one_is_in() -> None:
    shares = {"led": Share.WHOLE, "open": Share.WHOLE, "plain": Share.OWN_KEYS}
    assert sight_of_teams(shares, [], "ann", KNOWN) == Sight(
        whole=frozenset({LED, OPEN}), shared=frozenset({PLAIN}), himself=HIMSELF
    )
    assert sight_of_teams(shares, ["led", "plain"], "ann", KNOWN) == Sight(
        whole=frozenset({OPEN}), himself=HIMSELF
    )


def test_everybody_sees_himself_and_nobody_else() -> None:
    assert sight_of_himself(ANN, None, KNOWN) == of_whole(HIMSELF)
    assert sight_of_himself(ANN, "ann", KNOWN) == of_whole(HIMSELF)
    for other in ("bob", ""):
        with pytest.raises(AccessRefused) as refused:
            sight_of_himself(ANN, other, KNOWN)
        assert refused.value.status == 403
        assert other not in refused.value.text or not other


def test_organizations_are_seen_by_their_admins_only() -> None:
    assert sight_of_organizations(ANN, None, KNOWN) == of_whole(ACME)
    assert sight_of_organizations(ANN, ["acme"], KNOWN) == of_whole(ACME)
    for named, known in ((["acme", "other"], KNOWN), (None, Known(user=1)), (["acme"], Known())):
        with pytest.raises(AccessRefused) as refused:
            sight_of_organizations(ANN, named, known)
        assert (refused.value.status, refused.value.body) == (403, "A")


def test_all_that_one_sees_is_ones_own_and_what_one_leads_or_may_see() -> None:
    assert sight_of_all(ANN, KNOWN) == of_whole(HIMSELF, LED, OPEN, ACME)
    assert sight_of_all(ANN, Known(user=3)) == of_whole(HIMSELF)


def test_single_calls_of_a_team_are_for_its_admins() -> None:
    assert sight_of_calls(ANN, None, KNOWN) == of_whole(HIMSELF)
    assert sight_of_calls(ANN, "led", KNOWN) == of_whole(LED)
    for team_id in ("open", "plain", "unknown"):
        with pytest.raises(AccessRefused) as refused:
            sight_of_calls(ANN, team_id, KNOWN)
        text = f"Not authorized to view team spend for team_id={team_id}"
        assert (refused.value.status, refused.value.text) == (403, text)


@pytest.mark.parametrize(
    ("sight", "nobody"),
    [
        (lambda caller, known: sight_of_himself(caller, None, known), 404),
        (sight_of_all, 403),
        (lambda caller, known: sight_of_calls(caller, None, known), 403),
    ],
)
def test_d63_no_user_and_no_user_row_are_refused(
    sight: Callable[[Principal, Known], Sight | None], nobody: int
) -> None:
    for caller, known, status in ((NOBODY, Known(), nobody), (ANN, GHOST, 403)):
        with pytest.raises(AccessRefused) as refused:
            sight(caller, known)
        assert refused.value.status == status
        assert refused.value.text == f"User= {caller.user_id} not found"
