"""What is refused of usage, decisions, windows and reports of spend."""

from collections.abc import Mapping

from tests.e2e.provocation import Provocation, gets, posts, sends
from tests.e2e.provoking import (
    BOOKED,
    CORE,
    DISCARDED,
    KEYLESS_USER,
    LEADER,
    NO_ORGANIZATION,
    NO_TEAM,
    SESSION,
    STRANGER,
    by,
)

_DATES = {"start_date": "2026-03-01", "end_date": "2026-03-31"}


def _member_resets(path: str) -> dict[tuple[str, str, str], Provocation]:
    admin = {**CORE, "user_id": "default_user_id"}
    return posts(
        path,
        no_team=Provocation(path={**NO_TEAM, "user_id": "ann"}),
        not_a_member=Provocation(path={**CORE, "user_id": "missing"}),
        not_resettable=Provocation({"reset_to": 1}, path=admin),
        his_own=Provocation(path={"team_id": "lab", "user_id": LEADER}, key=LEADER),
        bad_path=Provocation(path={"team_id": "core%09", "user_id": "ann"}),
    )


SPEND: Mapping[tuple[str, str, str], Provocation] = {
    **gets(
        "/team/daily/activity",
        no_dates={},
        no_user=Provocation(key="no_user"),
        no_user_row=Provocation(key=KEYLESS_USER),
        not_in_team=Provocation(key=STRANGER),
    ),
    **gets(
        "/v1/teams/{team_id}/windows",
        no_team=Provocation(path=NO_TEAM),
        not_in_team=Provocation(key=STRANGER),
    ),
    **gets(
        "/v1/teams/{team_id}/members/{user_id}/windows",
        no_team=Provocation(path={**NO_TEAM, "user_id": "ann"}),
        not_in_team=Provocation(key=STRANGER),
        no_member=Provocation(path={**CORE, "user_id": "missing"}),
    ),
    **gets(
        "/v1/keys/{key}/windows",
        no_key_of_this_name=Provocation(path={"key": "sk-missing"}),
        not_his_key=Provocation(key=STRANGER),
    ),
    **gets(
        "/v1/users/{user_id}/windows",
        no_user=Provocation(path={"user_id": "missing"}),
        not_his_own=Provocation(key=STRANGER),
    ),
    **gets(
        "/v1/organizations/{organization_id}/windows",
        no_organization=Provocation(path=NO_ORGANIZATION),
    ),
    **posts(
        "/key/{key}/reset_spend",
        no_key=Provocation(path={"key": "sk-missing"}),
        not_resettable={"reset_to": 1},
        not_for_him=Provocation(path={"key": "sk-of-eve"}, key=STRANGER),
        not_admin=Provocation(key="internal_viewer"),
        bad_path=Provocation(path={"key": "sk-example%00"}),
    ),
    **_member_resets("/team/{team_id}/member/{user_id}/reset_spend"),
    **_member_resets("/v1/teams/{team_id}/members/{user_id}/reset_spend"),
    **posts("/global/spend/reset", several_things=Provocation(headers={"if-match": "*"})),
    **posts(
        "/v1/usage",
        no_gateway=Provocation(key="proxy_admin"),
        no_rehearsal=Provocation(query={"dry_run": "true"}),
        no_items=[],
        no_object=7,
        no_gzip=Provocation(content=b"{}", headers={"content-encoding": "gzip"}),
        other_encoding=Provocation(content=b"{}", headers={"content-encoding": "br"}),
        large_body=Provocation(content=b" " * (16 * 1024 * 1024 + 1)),
    ),
    **posts("/v1/decide", no_gateway=Provocation(key="proxy_admin"), bad_fields={}),
    **sends(
        "DELETE",
        "/v1/reservations/{reservation_id}",
        no_gateway=Provocation(key="proxy_admin"),
        no_reservation=Provocation(path={"reservation_id": "0" * 32}),
        bad_path=Provocation(path={"reservation_id": "none"}),
    ),
    **posts(
        "/v1/usage/quarantine/{id}/book",
        already_settled=Provocation({}, path={"id": DISCARDED}),
        no_quarantined_usage=Provocation({}, path={"id": "0" * 32}),
        bad_path=Provocation({}, path={"id": "sk-example%00"}),
    ),
    **posts(
        "/v1/usage/quarantine/{id}/discard",
        already_settled=Provocation(path={"id": BOOKED}),
        no_quarantined_usage=Provocation(path={"id": "0" * 32}),
        bad_path=Provocation(path={"id": "sk-example%00"}),
    ),
    **gets("/v1/usage/quarantine", bad_place={"after": "nowhere"}),
    **gets("/v1/usage/unattributed", bad_place={"after": "nowhere"}),
    **{
        key: provocation
        for route in ("/user/daily/activity", "/user/daily/activity/aggregated")
        for key, provocation in gets(
            route,
            no_dates={},
            no_user=Provocation(key="no_user"),
            no_user_row=Provocation(key=KEYLESS_USER),
            not_his_own=Provocation(key=STRANGER),
        ).items()
    },
    **gets(
        "/organization/daily/activity",
        no_dates={},
        leads_none=Provocation(key=STRANGER),
        leads_another=by(LEADER, **_DATES, organization_ids="missing"),
    ),
    **gets("/global/spend/report", no_dates={}, no_customers={**_DATES, "customer_id": "x"}),
    **{
        key: provocation
        for route in ("/spend/logs/v2", "/spend/logs/ui")
        for key, provocation in gets(
            route,
            no_dates={},
            no_end_users={**_DATES, "end_user": "x"},
            not_team_admin=Provocation(key=SESSION),
        ).items()
    },
    **gets("/v1/spend", no_range={}, no_user=Provocation(key="no_user")),
}
