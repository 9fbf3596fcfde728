"""Who could do what, under /v1."""

from typing import Annotated, Literal

from pydantic import Field

from services.edge.openapi.schema import Document, Moment


class ReviewedRight(Document):
    """What gave somebody, or something, a right; null where it has nothing to do with it."""

    what: Annotated[
        Literal["organization", "team", "user", "organization_member", "team_member", "key"],
        Field(description="What kind of thing it is."),
    ]
    user_id: str | None
    user_email: str | None
    role: Annotated[
        str | None, Field(description="The user's role; his in the organization, or in the team.")
    ]
    administers: Annotated[
        str | None,
        Field(
            description="What the role has him manage: `everything`, `organization`, `team`; or "
            "`reads everything`."
        ),
    ]
    organization_id: str | None
    team_id: str | None
    team_alias: str | None
    key_hash: Annotated[str | None, Field(description="The sha256 of the key, in hex.")]
    key_alias: str | None
    models: Annotated[
        list[str], Field(description="Empty are all; of a key, those of its team or user.")
    ]
    max_budget: float | None
    budget_duration: str | None
    blocked: Annotated[bool, Field(description="Whether it, or the team, was blocked.")]
    expires: Moment | None
    since: Annotated[Moment | None, Field(description="When it was made, or he came.")]


class Review(Document):
    """All rights at a moment."""

    as_of: Annotated[Moment, Field(description="The moment.")]
    rights: Annotated[list[ReviewedRight], Field(description="Kind by kind, then by id.")]
