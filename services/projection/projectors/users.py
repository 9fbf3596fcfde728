"""Read model `users_1`: one row per life of a user, with the personal data in the clear."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from events import user
from events.envelope import Envelope
from events.imported import ThingImported
from events.registry import DomainEvent
from events.streams import USER
from events.user import (
    UserBudgetChanged,
    UserCreated,
    UserDeleted,
    UserEmailChanged,
    UserForgotten,
    UserRenamed,
    UserSettings,
)
from events.values import Sealed
from services.projection.projector import Folds, OpenSealed, Reach, fold_all, identity, on
from services.projection.projectors.imported import imported
from services.projection.rows import Key, Rows, Table

TABLE = Table(
    "users_1",
    key={"user_id": "text", "incarnation": "bigint"},
    columns={
        "person": "text",
        "email": "text",
        "email_lower": "text",
        "user_alias": "text",
        "user_role": "text",
        "settings": "jsonb",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "version": "bigint",
        "deleted_at": "timestamptz",
        "budget_since": "timestamptz",
        "gone_at": "bigint",
    },
)
_APART = {"person", "email", "user_alias"}
_SEALING = {UserCreated, UserEmailChanged, UserRenamed}


def changed(rows: Rows, at: Envelope, event: DomainEvent) -> None:
    """Every fact that replaces settings; those with a column of their own go there as well."""
    replaced = user.replaced(event)
    settings = UserSettings.model_construct(_fields_set=set(replaced), **replaced)
    rows.merge(_key(at), "settings", settings.model_dump(mode="json", include=set(replaced)))
    rows.change(
        _key(at),
        updated_at=at.recorded_at,
        version=at.originator_version,
        **{name: value for name, value in replaced.items() if name in TABLE.columns},
    )


def budget_changed(rows: Rows, at: Envelope, event: UserBudgetChanged) -> None:
    """Only another duration starts the window anew, as D38 has it for teams."""
    changed(rows, at, event)
    if event.before.budget_duration != event.after.budget_duration:
        rows.change(_key(at), budget_since=at.recorded_at)


def deleted(rows: Rows, at: Envelope, _: UserDeleted) -> None:
    """`gone_at` is the position: keys that were his up to there are void."""
    rows.change(
        _key(at), deleted_at=at.recorded_at, gone_at=at.position, version=at.originator_version
    )


def forgotten(rows: Rows, at: Envelope, _: UserForgotten) -> None:
    """The text of every life is gone, as are the keys to it."""
    erased = dict.fromkeys(("email", "email_lower", "user_alias"))
    rows.change_where({"user_id": identity(at.originator_id)}, **erased)
    rows.change(_key(at), version=at.originator_version)


_PLAIN: Folds = {
    **on(user.UserRoleChanged, changed),
    **on(UserBudgetChanged, budget_changed),
    **on(user.UserLimitsChanged, changed),
    **on(user.UserModelsChanged, changed),
    **on(user.UserMetadataChanged, changed),
    **on(user.UserDetailsChanged, changed),
    **on(UserDeleted, deleted),
    **on(UserForgotten, forgotten),
}
"""What needs nothing opened."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """The folds of one batch, with its personal data at hand."""

    texts: Mapping[Sealed, str | None]

    @property
    def folds(self) -> Folds:
        return {
            **_PLAIN,
            **on(UserCreated, self.created),
            **on(UserEmailChanged, self.email_changed),
            **on(UserRenamed, self.renamed),
            **on(ThingImported, imported(USER)),
        }

    def created(self, rows: Rows, at: Envelope, event: UserCreated) -> None:
        settings = event.settings
        email = self._text(settings.email)
        rows.put(
            _key(at),
            person=settings.person,
            email=email,
            email_lower=_lower(email),
            user_alias=self._text(settings.user_alias),
            user_role=settings.user_role,
            settings=settings.model_dump(mode="json", exclude=_APART),
            created_at=at.recorded_at,
            updated_at=at.recorded_at,
            version=at.originator_version,
            budget_since=at.recorded_at,
        )

    def email_changed(self, rows: Rows, at: Envelope, event: UserEmailChanged) -> None:
        email = self._text(event.after)
        rows.merge(_key(at), "settings", {"email_claim": event.after_claim})
        rows.change(
            _key(at),
            email=email,
            email_lower=_lower(email),
            updated_at=at.recorded_at,
            version=at.originator_version,
        )

    def renamed(self, rows: Rows, at: Envelope, event: UserRenamed) -> None:
        alias = self._text(event.after)
        rows.change(
            _key(at),
            user_alias=alias,
            updated_at=at.recorded_at,
            version=at.originator_version,
        )

    def _text(self, sealed: Sealed | None) -> str | None:
        return None if sealed is None else self.texts[sealed]


@dataclass(frozen=True, slots=True)
class UsersProjector:
    """Opens the personal data of a batch at once, then folds."""

    open_sealed: OpenSealed
    table: Table = TABLE
    facts: Collection[type[DomainEvent]] = tuple(_Opened({}).folds)
    reach: Sequence[Reach] = ()

    async def fold(self, facts: Sequence[Envelope]) -> Rows:
        sealing = (at for at in facts if type(at.event) in _SEALING)
        sealed = list(dict.fromkeys(box for at in sealing for box in _boxes(at)))
        texts = await self.open_sealed(sealed) if sealed else {}
        return await fold_all(self.table, _Opened(texts).folds, facts)


def _boxes(at: Envelope) -> Iterator[Sealed]:
    match at.event:
        case UserCreated(settings=settings):
            yield from (box for box in (settings.email, settings.user_alias) if box)
        case UserEmailChanged(after=Sealed() as after) | UserRenamed(after=Sealed() as after):
            yield after


def _key(at: Envelope) -> Key:
    return identity(at.originator_id), at.incarnation


def _lower(email: str | None) -> str | None:
    return None if email is None else email.lower()
