"""Bodies of the routes about users (supporting-api.md 3)."""

from typing import Annotated, Literal, Self

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
    UserId,
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
    """`/user/new`. Without `user_id` one is made; without `user_role` it is internal_user.

    `organization_id` names one more of the `organizations`.
    """

    user_email: Blankable[Email] = None
    user_alias: Text | None = None
    user_role: UserRole | None = None
    teams: Items[Annotated[TeamOfUser, _OrId()]] | None = None
    auto_create_key: bool = True
    sso_user_id: Text | None = None
    organizations: Texts | None = None
    organization_id: Text | None = None


class UserFields(KeyFields):
    """What an update can say of any user.

    Absent is unchanged; so are null, [] and {}, but for a budget or limit, which null lifts.
    `spend` and `password` are without effect: one comes from what was used, none is kept.
    """

    models: Texts | None = None
    user_alias: Text | None = None
    user_role: UserRole | None = None
    sso_user_id: Text | None = None


class UpdateUser(UserFields):
    """`/user/update` (3.4): `user_id` names the user, or else `user_email`; 422 without either.

    `teams` may be sent back as they are.
    """

    user_email: Blankable[Email] = None
    teams: Items[TeamOfUser] | None = None

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.user_id is None and self.user_email is None:
            raise ValueError("Either user_id or user_email must be provided")
        return self


class BulkUpdateUsers(RequestModel):
    """`/user/bulk_update`: updates of single users, or one update of all there are."""

    users: Items[UpdateUser] | None = None
    all_users: bool | None = False
    user_updates: UserFields | None = None


class DeleteUsers(RequestModel):
    """`/user/delete` (3.5)."""

    user_ids: Items[UserId]
