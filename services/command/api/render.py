"""Shaping accepted commands: folded state into the contract's answers.

Spend stands there as the account that it is booked on, and is looked up when the answer is written.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo

from events.values import JsonObject, Sealed
from services.command.application.answers import KeyAnswer, TeamAnswer, UserAnswer
from services.command.application.bulk_keys import Outcome
from services.command.application.bulk_members import BulkAnswer, Item
from services.command.application.spenders import key_account
from services.edge.shapes import key as key_shapes
from services.edge.shapes import team as team_shapes
from services.edge.shapes import user as user_shapes
from services.edge.shapes.money import NOTHING_SPENT, Spent
from services.spend.budgets import Account


def team_view(answer: TeamAnswer) -> team_shapes.TeamView:
    """The team as shapes take it; e-mail addresses are still sealed."""
    team = answer.team
    return team_shapes.TeamView(
        team_id=answer.team_id,
        settings=team.settings.model_dump(mode="json"),
        members=answer.members,
        created_at=known(team.created_at),
        updated_at=known(team.updated_at),
        budget_since=team.budget_since,
        model_table_id=team.model_table_id,
        model_aliases_by=team.model_aliases_by,
    )


def new_team(answer: TeamAnswer, zone: tzinfo) -> JsonObject:
    """The typed Team that has just come to be: nothing is spent."""
    body = team_shapes.team(team_view(answer), answer.now, zone, load_model_table=True)
    return _with_total(body, answer)


def team(answer: TeamAnswer, zone: tzinfo) -> JsonObject:
    """The typed Team, with `members_total` where the roster is cut."""
    spend = Account("team", answer.team_id, answer.team.incarnation)
    return _with_total(team_shapes.team(team_view(answer), answer.now, zone, spend=spend), answer)


def team_row(answer: TeamAnswer, zone: tzinfo, *, load_model_table: bool) -> JsonObject:
    """The untyped TeamRow, with `members_total` where the roster is cut."""
    body = team_shapes.team_row(
        team_view(answer),
        answer.now,
        zone,
        load_model_table=load_model_table,
        spend=Account("team", answer.team_id, answer.team.incarnation),
    )
    return _with_total(body, answer)


def added_members(answer: TeamAnswer, zone: tzinfo) -> JsonObject:
    """Team plus `updated_users` and `updated_team_memberships` of those just added (3.9, D43)."""
    settings = answer.team.settings.model_dump(mode="json")
    memberships: list[JsonObject] = []
    for touched in answer.touched:
        limits = answer.team.roster[touched.user_id].limits
        own = None if limits is None else limits.model_dump(mode="json")
        spend = NOTHING_SPENT if _never_was(touched) else _member(answer, touched.user_id)
        memberships.append(
            team_shapes.membership(answer.team_id, touched.user_id, own, settings, spend=spend)
        )
    reported = {"already_member": list(answer.already_there)} if answer.already_there else {}
    return {
        **team(answer, zone),
        **reported,
        "updated_users": [user(touched, answer.now, zone) for touched in answer.touched],
        "updated_team_memberships": memberships,
    }


def bulk_added(answer: BulkAnswer, zone: tzinfo) -> JsonObject:
    """The answer of /team/bulk_member_add (3.10): one result for each entry, in order (D26)."""
    body = added_members(answer.team, zone)
    users = {user["user_id"]: user for user in body["updated_users"]}
    rows = {row["user_id"]: row for row in body["updated_team_memberships"]}
    added = sum(item.error is None for item in answer.items)
    return {
        "team_id": answer.team.team_id,
        "results": [_result(item, answer.emails, users, rows) for item in answer.items],
        "total_requested": len(answer.items),
        "successful_additions": added,
        "failed_additions": len(answer.items) - added,
        "updated_team": body if added else None,
    }


def _result(
    item: Item,
    emails: Mapping[str, Sealed | None],
    users: Mapping[str, JsonObject],
    rows: Mapping[str, JsonObject],
) -> JsonObject:
    asked, user_id = item.candidate, item.user_id
    if user_id is None:
        shown = None if asked.email is None else asked.email.shown
        return _outcome(item, asked.user_id, shown)
    outcome = _outcome(item, user_id, emails[user_id])
    if item.error is not None:
        return outcome
    news = {"updated_user": users[user_id], "updated_team_membership": rows[user_id]}
    return {**outcome, **news}


def _outcome(item: Item, user_id: str | None, email: str | Sealed | None) -> JsonObject:
    return {
        "user_id": user_id,
        "user_email": email,
        "success": item.error is None,
        "error": item.error,
        "updated_user": None,
        "updated_team_membership": None,
    }


def user_view(answer: UserAnswer) -> user_shapes.UserView:
    """The user as shapes take it; personal data is still sealed."""
    user = answer.user
    return user_shapes.UserView(
        user_id=answer.user_id,
        settings=user.settings.model_dump(mode="json"),
        email=user.settings.email,
        alias=user.settings.user_alias,
        teams=answer.teams,
        created_at=known(user.created_at),
        updated_at=known(user.updated_at),
        budget_since=known(user.budget_since),
        version=user.version,
    )


def user(answer: UserAnswer, now: datetime, zone: tzinfo) -> JsonObject:
    """The typed User."""
    return user_shapes.user(user_view(answer), now, zone, spend=user_spend(answer))


def user_spend(answer: UserAnswer) -> Spent:
    """What a user has spent: nothing, if there never was one of this id until now."""
    if _never_was(answer):
        return NOTHING_SPENT
    return Account("user", answer.user_id, answer.user.incarnation)


def _never_was(answer: UserAnswer) -> bool:
    return answer.user.version == answer.user.incarnation == 1


def _member(answer: TeamAnswer, user_id: str) -> Account:
    return Account("member", answer.team_id, answer.team.incarnation, user_id)


def updated_user(answer: UserAnswer, now: datetime, zone: tzinfo) -> JsonObject:
    """The answer of /user/update (supporting-api.md 3.4, S01)."""
    row = user_shapes.user_row(user_view(answer), now, zone, spend=user_spend(answer))
    return {"user_id": answer.user_id, "data": row}


def key_view(answer: KeyAnswer) -> key_shapes.KeyView:
    """The key as shapes take it; nobody has its secret any more."""
    key = answer.key
    return key_shapes.KeyView(
        token=answer.token,
        settings=key.settings.model_dump(mode="json"),
        created_at=known(key.created_at),
        created_by=key.created_by,
        updated_at=known(key.updated_at),
        updated_by=key.updated_by,
        budget_since=known(key.budget_since),
        rotations=key.rotations,
        rotated_at=key.rotated_at,
        team_organization=answer.team_organization,
    )


def key_row(answer: KeyAnswer, now: datetime, zone: tzinfo) -> JsonObject:
    """KeyRow with its hash."""
    spend = key_account(answer.token, answer.key)
    return key_shapes.key_row(key_view(answer), now, zone, with_token=True, spend=spend)


def key_blocked(answer: KeyAnswer, now: datetime, zone: tzinfo) -> JsonObject:
    """The answer of POST /key/block."""
    spend = key_account(answer.token, answer.key)
    return key_shapes.key_blocked(key_view(answer), now, zone, with_token=True, spend=spend)


def regenerated(answer: KeyAnswer, secret: str) -> JsonObject:
    """A key under its new secret, which has spent what it had before."""
    spend = key_account(answer.token, answer.key)
    return key_shapes.generated(key_view(answer), secret, spend=spend)


def bulk_updated(
    outcomes: Sequence[Outcome],
    reason: Callable[[Outcome], str | None],
    now: datetime,
    zone: tzinfo,
) -> JsonObject:
    """The answer of /key/bulk_update (2.8): what each key is now, and why some are unchanged."""
    done: list[JsonObject] = []
    failed: list[JsonObject] = []
    for outcome in outcomes:
        info = None if outcome.key is None else key_row(outcome.key, now, zone)
        item: JsonObject = {"key": outcome.asked.shown, "key_info": info}
        why = reason(outcome)
        if why is None:
            done.append(item)
        else:
            failed.append({**item, "failed_reason": why})
    return {
        "total_requested": len(outcomes),
        "successful_updates": done,
        "failed_updates": failed,
    }


def _with_total(body: JsonObject, answer: TeamAnswer) -> JsonObject:
    if answer.members_total is not None:
        body["members_total"] = answer.members_total
    return body


def known(moment: datetime | None) -> datetime:
    """When something happened to what is there; raises LookupError for what is not."""
    if moment is None:
        raise LookupError("an answer about something that never came to exist")
    return moment
