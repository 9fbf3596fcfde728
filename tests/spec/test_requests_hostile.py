"""Whatever JSON is sent: a body is accepted or refused with entries that can be answered."""

from collections.abc import Sequence

import orjson
import pytest
from fastapi.encoders import jsonable_encoder
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from services.edge.requests import (
    DeleteKeys,
    DeleteTeams,
    GenerateKey,
    KeyRef,
    MemberAdd,
    MemberDelete,
    MemberUpdate,
    NewTeam,
    NewUser,
    UpdateTeam,
    parse_json,
)

MODELS: list[type[BaseModel]] = [
    *(NewTeam, UpdateTeam, DeleteTeams, MemberAdd, MemberUpdate, MemberDelete),
    *(GenerateKey, DeleteKeys, KeyRef, NewUser),
]
NASTY = ["", "\0", "NaN", "-Infinity", "1e400", "1e-99999999999999999999", "9" * 400, "1_0", "30d"]

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(NASTY)
    | st.text(st.characters(codec="utf-8"), max_size=5)
)
names = st.sampled_from(["user_id", "user_email", "role", "team_id", "index_name", "mcp_servers"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | st.text(), inner),
    max_leaves=6,
)


def bodies(model: type[BaseModel]) -> st.SearchStrategy[object]:
    fields = st.sampled_from(sorted(model.model_fields))
    return st.dictionaries(fields, values, max_size=6) | values


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@settings(deadline=None)
@given(data=st.data())
def test_any_body_is_accepted_or_refused(model: type[BaseModel], data: st.DataObject) -> None:
    judged = judge(model, parse_json(orjson.dumps(data.draw(bodies(model))), 32))
    if isinstance(judged, BaseModel):
        assert model.model_validate(judged.model_dump(exclude_unset=True)) == judged
        assert orjson.loads(orjson.dumps(judged.model_dump(mode="json")))
    else:
        assert orjson.loads(orjson.dumps(jsonable_encoder(judged)))


def judge(model: type[BaseModel], body: object) -> BaseModel | Sequence[object]:
    """The accepted body, or the entries of the 422."""
    try:
        return model.model_validate(body)
    except ValidationError as refused:
        return refused.errors()
