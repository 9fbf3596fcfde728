"""What is refused of users."""

from collections.abc import Mapping

from tests.e2e.provocation import Provocation, gets, posts
from tests.e2e.provoking import LEADER, NEGATIVE, STRANGER, TAKEN

USERS: Mapping[tuple[str, str, str], Provocation] = {
    **posts(
        "/user/new",
        user_exists={"user_id": "ann"},
        email_exists={"user_email": "ann@example.com"},
        key_alias_exists=TAKEN,
        no_team={"teams": ["missing"]},
        no_organization={"organizations": ["missing"]},
        negative_limit=NEGATIVE,
        above_him=Provocation(
            {"organizations": ["research"], "user_role": "proxy_admin"}, key=LEADER
        ),
        not_team_admin=Provocation({"organizations": ["research"], "teams": ["core"]}, key=LEADER),
    ),
    **posts(
        "/user/update",
        email_exists={"user_id": "bob", "user_email": "ann@example.com"},
        negative_limit={"user_id": "ann", **NEGATIVE},
        teams_not_by_update={"user_id": "ann", "teams": ["missing"]},
        not_himself=Provocation(key=STRANGER),
        for_admins=Provocation({"user_id": STRANGER, "user_role": "proxy_admin"}, key=STRANGER),
        not_admin=Provocation(key="internal_viewer"),
    ),
    **posts(
        "/user/bulk_update",
        nobody={},
        no_rehearsal=Provocation(
            {"all_users": True, "user_updates": {"max_budget": 1}}, query={"dry_run": "true"}
        ),
        several_things=Provocation(
            {"users": [{"user_id": "ann"}, {"user_id": "bob"}]}, headers={"if-match": "*"}
        ),
    ),
    **posts(
        "/user/delete",
        no_user={"user_ids": ["missing"]},
        several_things=Provocation({"user_ids": ["ann", "bob"]}, headers={"if-match": "*"}),
    ),
    **gets("/user/info", no_user={"user_id": "missing"}, not_his_own=Provocation(key=STRANGER)),
    **gets(
        "/user/list",
        bad_order={"sort_order": "up"},
        no_admin=Provocation(key=STRANGER),
        not_his_organization=Provocation(query={"organization_ids": "other"}, key=LEADER),
    ),
    **gets("/user/filter/ui", no_team_admin=Provocation(key=STRANGER)),
}
