"""Bodies of the member routes (team-api.md 3.9, 3.11, 3.12)."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from services.edge.requests import Member, MemberAdd, MemberDelete, MemberUpdate

ANN = {"role": "user", "user_id": "ann"}
BOB = {"role": "admin", "user_email": "bob@example.com"}


def refusals(model: type[BaseModel], body: object) -> list[tuple[Any, ...]]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(body)
    return [(each["type"], *each["loc"]) for each in refused.value.errors()]


def test_one_member_or_several_in_the_order_sent() -> None:
    ann, bob = Member.model_validate(ANN), Member.model_validate(BOB)
    assert MemberAdd.model_validate({"team_id": "a", "member": ANN}).members == [ann]
    several = MemberAdd.model_validate({"team_id": "a", "member": [BOB, ANN]})
    assert several.members == [bob, ann]
    assert MemberAdd.model_validate({"team_id": "a", "member": []}).members == []


def test_a_list_of_one_is_told_from_a_single_member() -> None:
    single = MemberAdd.model_validate({"team_id": "a", "member": ANN})
    listed = MemberAdd.model_validate({"team_id": "a", "member": [ANN]})
    assert isinstance(single.member, Member)
    assert listed.member == [single.member]


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ({"role": "user"}, ("value_error",)),
        ({"role": "king", "user_id": "k"}, ("literal_error", "role")),
        ({"role": None, "user_id": "k"}, ("literal_error", "role")),
        ({"user_id": "k"}, ("missing", "role")),
        ({"role": "user", "user_id": 5}, ("string_type", "user_id")),
        ({"role": "user", "user_email": "no address"}, ("email", "user_email")),
        ("ann", ("model_type",)),
        (None, ("model_type",)),
    ],
)
def test_what_is_wrong_with_a_member_is_reported_at_the_body(
    member: object, expected: tuple[str, ...]
) -> None:
    assert refusals(MemberAdd, {"team_id": "a", "member": member}) == [expected]
    assert refusals(MemberAdd, {"team_id": "a", "member": [ANN, member]}) == [expected]


def test_more_members_than_a_list_may_have() -> None:
    body = {"team_id": "a", "member": [ANN] * 501}
    assert refusals(MemberAdd, body) == [("too_long", "member")]
    assert len(MemberAdd.model_validate({"team_id": "a", "member": [ANN] * 500}).members) == 500


def test_a_body_that_is_no_object_is_refused_as_such() -> None:
    bodies: list[object] = [[], "text", 5, None]
    for body in bodies:
        assert refusals(MemberAdd, body) == [("model_type",)]


@pytest.mark.parametrize("blank", [{}, {"user_id": None}, {"user_id": "", "user_email": ""}])
@pytest.mark.parametrize("model", [MemberUpdate, MemberDelete])
def test_somebody_must_be_named(model: type[BaseModel], blank: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Either user id or user email must be provided"):
        model.model_validate({"team_id": "a", **blank})


def test_a_blank_id_beside_an_address_counts_as_none() -> None:
    member = Member.model_validate({**BOB, "user_id": ""})
    assert (member.user_id, member.user_email) == (None, "bob@example.com")


@pytest.mark.parametrize(
    "address", ["a@b", "Ann.O'Neil+x@Example.COM", "müller@bücher.example", "x" * 318 + "@b"]
)
def test_addresses_have_one_at_sign(address: str) -> None:
    assert Member.model_validate({"role": "user", "user_email": address}).user_email == address


@pytest.mark.parametrize(
    "address",
    [
        *("ann", "@", "@b", "a@", "a@b@c", "a b@c", " a@b", "a@b\n", "a\t@b", "a\0@b", "a@\x85"),
        "a\N{NO-BREAK SPACE}@b",
    ],
)
def test_anything_else_is_no_address(address: str) -> None:
    assert refusals(Member, {"role": "user", "user_email": address}) == [("email", "user_email")]


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("user_email", "x" * 319 + "@b", "string_too_long"),
        ("user_id", "x" * 256, "string_too_long"),
        ("user_id", "a\0", "unsafe_text"),
    ],
)
def test_ids_and_addresses_are_short_and_can_be_stored(field: str, value: str, kind: str) -> None:
    assert refusals(Member, {"role": "user", field: value}) == [(kind, field)]


def test_a_member_update_tells_absent_from_null() -> None:
    body = {"team_id": "a", "user_id": "ann", "max_budget_in_team": None, "tpm_limit": "10"}
    update = MemberUpdate.model_validate(body)
    assert update.model_fields_set == {"team_id", "user_id", "max_budget_in_team", "tpm_limit"}
    assert (update.max_budget_in_team, update.tpm_limit, update.role) == (None, 10, None)


def test_what_is_below_zero_is_left_to_the_domain() -> None:
    body = {"team_id": "a", "user_id": "ann", "max_budget_in_team": -1, "rpm_limit": -1}
    update = MemberUpdate.model_validate(body)
    assert (update.max_budget_in_team, update.rpm_limit) == (Decimal(-1), -1)
    added = MemberAdd.model_validate({"team_id": "a", "member": ANN, "max_budget_in_team": -0.5})
    assert added.max_budget_in_team == Decimal("-0.5")
