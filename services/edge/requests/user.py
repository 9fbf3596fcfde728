"""Body of `/user/new` (supporting-api.md 3.1)."""

from typing import Annotated, Literal

from pydantic import GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from services.edge.requests.common import (
    Blankable,
    Email,
    Identifier,
    Items,
    Money,
    RequestModel,
    Text,
    Texts,
)
from services.edge.requests.key import KeyFields
from services.edge.requests.member import TeamRole

UserRole = Literal["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"]


class TeamOfUser(RequestModel):
    """A team the new user is to join; a bare id is short for `{"team_id": id}`."""

    team_id: Identifier
    max_budget_in_team: Money | None = None
    user_role: TeamRole = "user"

    @model_validator(mode="before")
    @classmethod
    def _from_id(cls, sent: object) -> object:
        return {"team_id": sent} if isinstance(sent, str) else sent


class _OrId:
    """Says in the description that a bare id will do."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [handler(schema), {"type": "string"}]}


class NewUser(KeyFields):
    """`/user/new`. Without `user_id` one is made; without `user_role` it is internal_user."""

    user_email: Blankable[Email] = None
    user_alias: Text | None = None
    user_role: UserRole | None = None
    teams: Items[Annotated[TeamOfUser, _OrId()]] | None = None
    auto_create_key: bool = True
    sso_user_id: Text | None = None
    organizations: Texts | None = None
