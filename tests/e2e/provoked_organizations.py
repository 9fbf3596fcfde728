"""What is refused of organizations and of the budgets that they share."""

from collections.abc import Mapping

from tests.e2e.provocation import Provocation, gets, posts, sends
from tests.e2e.provoking import (
    NEGATIVE,
    NO_ORGANIZATION,
    ORDER,
    OTHER_PERSON,
    OUTSIDER,
    RESEARCH,
    STRANGER,
)

_NO_BUDGET = {"budget_id": "missing"}
_NEW_ORGANIZATION = {"organization_alias": "New"}
_BY_MODEL = {f"{n:0>60}": 1 for n in range(900)}
_LARGE_ORGANIZATION = {
    "metadata": {"a": "x" * 65_000},
    "model_rpm_limit": _BY_MODEL,
    "model_tpm_limit": _BY_MODEL,
    "object_permission": {"mcp_tool_permissions": {name: [] for name in _BY_MODEL}},
}
_JOINING = {"user_id": "bob", "role": "internal_user"}

ORGANIZATIONS: Mapping[tuple[str, str, str], Provocation] = {
    **posts(
        "/budget/new",
        budget_exists={"budget_id": "research-2026"},
        negative_limit=NEGATIVE,
        budget_order=ORDER,
    ),
    **posts(
        "/budget/update",
        no_budget_named={},
        no_budget=_NO_BUDGET,
        negative_limit={"budget_id": "research-2026", **NEGATIVE},
        budget_order={"budget_id": "research-2026", **ORDER},
    ),
    **posts("/budget/delete", budget_in_use={"id": "research-2026"}),
    **posts("/budget/info", none_named={"budgets": []}),
    **gets("/budget/settings", no_budget_named={}, no_budget=_NO_BUDGET),
    **posts(
        "/organization/new",
        organization_exists={**RESEARCH, **_NEW_ORGANIZATION},
        no_budget={**_NEW_ORGANIZATION, **_NO_BUDGET},
        negative_limit={**_NEW_ORGANIZATION, **NEGATIVE},
        budget_order={**_NEW_ORGANIZATION, **ORDER},
        too_large={**_NEW_ORGANIZATION, **_LARGE_ORGANIZATION},
    ),
    **sends(
        "PATCH",
        "/organization/update",
        no_organization=NO_ORGANIZATION,
        no_budget={**RESEARCH, **_NO_BUDGET},
        negative_limit={**RESEARCH, **NEGATIVE},
        budget_order={**RESEARCH, **ORDER},
        too_large={**RESEARCH, **_LARGE_ORGANIZATION},
    ),
    **sends(
        "DELETE",
        "/organization/delete",
        no_organization={"organization_ids": ["missing"]},
        no_organization_id=Provocation({"organization_ids": []}, key=STRANGER),
        several_things=Provocation(
            {"organization_ids": ["research", "other"]}, headers={"if-match": "*"}
        ),
    ),
    **posts(
        "/organization/member_add",
        no_organization={**NO_ORGANIZATION, "member": _JOINING},
        already_member={**RESEARCH, "member": {"user_id": "ann", "role": "internal_user"}},
        not_same_person={
            **RESEARCH,
            "member": {**OTHER_PERSON, "role": "internal_user"},
        },
        negative_limit={**RESEARCH, "member": _JOINING, "max_budget_in_organization": -1},
    ),
    **sends(
        "PATCH",
        "/organization/member_update",
        no_organization={**NO_ORGANIZATION, "user_id": "ann"},
        not_a_member={**RESEARCH, "user_id": "bob"},
        negative_limit={**RESEARCH, "user_id": "ann", "max_budget_in_organization": -1},
    ),
    **sends(
        "DELETE",
        "/organization/member_delete",
        no_organization={**NO_ORGANIZATION, "user_id": "ann"},
    ),
    **gets(
        "/organization/info",
        none_named={},
        no_organization_id=Provocation(query={}, key=OUTSIDER),
        no_organization=NO_ORGANIZATION,
    ),
    **posts("/organization/info", none_named={"organizations": []}),
}
