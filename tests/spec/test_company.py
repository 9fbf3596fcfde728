"""The company of `teamledger demo`: always the same one, and calls that the API would accept."""

import re
from itertools import pairwise

import pytest

from services.cli.company import script_of
from services.cli.company.cast import cast
from services.cli.company.people import people
from services.edge.requests import key, member, team, user
from services.edge.requests.common import RequestModel

BODIES: dict[str, type[RequestModel]] = {
    "/team/new": team.NewTeam,
    "/team/update": team.UpdateTeam,
    "/team/delete": team.DeleteTeams,
    "/team/block": team.BlockTeam,
    "/team/unblock": team.BlockTeam,
    "/team/member_add": member.MemberAdd,
    "/team/member_update": member.MemberUpdate,
    "/team/member_delete": member.MemberDelete,
    "/user/new": user.NewUser,
    "/key/generate": key.GenerateKey,
    "/key/delete": key.DeleteKeys,
    "/key/block": key.KeyRef,
    "/key/unblock": key.KeyRef,
}
SEEDS = [0, 7, 8, 12345]


def test_a_seed_is_a_company() -> None:
    assert script_of(7) == script_of(7)
    assert cast(7) == cast(7)
    names = [{person.name for person in cast(seed).everybody()} for seed in SEEDS]
    assert [one for one, other in pairwise(names) if len(one & other) > len(one) / 3] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_every_field_of_every_call_is_one_of_the_api(seed: int) -> None:
    for call in script_of(seed):
        model, body = BODIES[call.path], call.body
        if call.key_alias is not None:
            body = {**body, "key": "sk-some"}
        model.model_validate(body)
        assert body.keys() <= model.model_fields.keys(), call.path


@pytest.mark.parametrize("seed", SEEDS)
def test_whoever_calls_has_a_key(seed: int) -> None:
    acting: set[str] = set()
    made: set[str] = set()
    for call in script_of(seed):
        assert call.actor is None or call.actor in acting
        assert call.key_alias is None or call.key_alias in made
        if call.path == "/key/generate":
            assert call.body["key_alias"] not in made
            made.add(call.body["key_alias"])
        if call.new_actor is not None:
            acting.add(call.new_actor)


def test_addresses_are_plain_and_under_example_com() -> None:
    found = people(7, 600)
    addresses = [person.email for person in found]
    assert len(set(addresses)) == len({p.user_id for p in found}) == 600
    plain = re.compile(r"[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*@example\.com")
    assert [address for address in addresses if not plain.fullmatch(address)] == []
    assert len([person for person in found if not person.name.isascii()]) > 100
