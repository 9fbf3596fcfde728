"""What is refused of keys."""

from collections.abc import Mapping
from typing import Any

from services.edge.openapi.callers import KEY
from tests.e2e.provocation import Provocation, gets, posts
from tests.e2e.provoking import (
    COLLEAGUE,
    CORE,
    GUARANTEED,
    MEMBER,
    NEGATIVE,
    NO_ORGANIZATION,
    NO_TEAM,
    RESEARCH,
    STRANGER,
    TAKEN,
    by,
)

_TOO_MUCH = {**GUARANTEED, **RESEARCH, "tpm_limit": 1001}
_OTHER_THAN_ITS_TEAMS = {"team_id": "lab", "organization_id": "other"}
_OF_GATEWAYS = {"allowed_routes": ["gateway_routes"]}


def _rotations(path: Mapping[str, str]) -> dict[str, Any]:
    """What is refused of a new secret for a key, which the path names or else the body."""
    named = {} if path else {"key": KEY}

    def wrong(**fields: object) -> Provocation:
        return Provocation({**named, **fields}, path=path)

    def of(key: str, by: str, **fields: object) -> Provocation:
        return Provocation({"key": key, **fields}, path={"key": key} if path else {}, key=by)

    return {
        "no_team": wrong(**NO_TEAM),
        "no_organization": wrong(**NO_ORGANIZATION),
        "key_alias_exists": wrong(**TAKEN),
        "key_exists": wrong(new_key=KEY),
        "negative_limit": wrong(**NEGATIVE),
        "bad_key": wrong(new_key="secret-key"),
        "no_master_key": wrong(new_master_key="sk-1"),
        "not_a_gateway": wrong(**_OF_GATEWAYS),
        "other_organization": wrong(**_OTHER_THAN_ITS_TEAMS, user_id=None),
        "over_allowance": wrong(**_TOO_MUCH),
        "no_keys_there": of("sk-of-eve", STRANGER, **RESEARCH),
        "stays_there": of("sk-of-ivo", COLLEAGUE, organization_id=None),
        "not_owner": of("sk-of-staff", MEMBER),
        "not_admin": Provocation(key="internal_viewer"),
    }


KEYS: Mapping[tuple[str, str, str], Provocation] = {
    **posts(
        "/key/generate",
        no_team=NO_TEAM,
        no_organization=NO_ORGANIZATION,
        key_alias_exists=TAKEN,
        key_exists={"key": KEY},
        not_assigned=Provocation({**CORE, "user_id": STRANGER}, key=STRANGER),
        negative_limit=NEGATIVE,
        over_own_budget=Provocation({"user_id": STRANGER, "max_budget": 20}, key=STRANGER),
        bad_key={"key": "secret-key"},
        for_another=Provocation({"user_id": "ann"}, key=STRANGER),
        not_a_gateway={"key_type": "gateway"},
        for_gateway=Provocation({"key_type": "gateway", "key_alias": "eu"}, key=STRANGER),
        other_organization=_OTHER_THAN_ITS_TEAMS,
        over_allowance=_TOO_MUCH,
        no_keys_there=Provocation(RESEARCH, key=STRANGER),
        not_admin=Provocation(key="internal_viewer"),
    ),
    **posts(
        "/key/service-account/generate",
        no_team=NO_TEAM,
        no_organization={**CORE, **NO_ORGANIZATION},
        key_alias_exists={**CORE, **TAKEN},
        key_exists={**CORE, "key": KEY},
        not_assigned=Provocation(key=STRANGER),
        negative_limit={**CORE, **NEGATIVE},
        bad_key={**CORE, "key": "secret-key"},
        no_team_named={},
        not_a_gateway={**CORE, "key_type": "gateway", "key_alias": "eu"},
        other_organization=_OTHER_THAN_ITS_TEAMS,
        over_allowance={**CORE, **_TOO_MUCH},
        no_keys_there=Provocation({"team_id": "crew", **RESEARCH}, key=MEMBER),
        not_admin=Provocation(key="internal_viewer"),
    ),
    **posts("/key/regenerate", **_rotations({})),
    **posts("/key/regenerate", no_key={"key": "sk-missing"}, no_key_named={}),
    **posts("/key/{key}/regenerate", **_rotations({"key": KEY})),
    **posts(
        "/key/{key}/regenerate",
        no_key=Provocation({}, path={"key": "sk-missing"}),
        bad_path=Provocation({}, path={"key": "sk-example%00"}),
    ),
    **posts(
        "/key/bulk_update",
        nobody={"keys": []},
        too_many={"keys": [{"key": KEY}] * 501},
        not_proxy_admin=Provocation(key=STRANGER),
        not_admin=Provocation(key="internal_viewer"),
        several_things=Provocation(headers={"if-match": "*"}),
    ),
    **posts(
        "/key/update",
        no_key={"key": "sk-missing"},
        no_team={"key": KEY, **NO_TEAM},
        no_organization={"key": KEY, **NO_ORGANIZATION},
        key_alias_exists={"key": KEY, **TAKEN},
        negative_limit={"key": KEY, **NEGATIVE},
        over_own_budget=Provocation({"key": "sk-of-eve", "max_budget": 20}, key=STRANGER),
        over_team_limit={"key": "sk-of-staff", **CORE, "max_budget": 200},
        not_a_gateway={"key": KEY, **_OF_GATEWAYS},
        other_organization={"key": KEY, **_OTHER_THAN_ITS_TEAMS, "user_id": None},
        over_allowance={"key": KEY, **_TOO_MUCH},
        no_keys_there=Provocation({"key": "sk-of-eve", **RESEARCH}, key=STRANGER),
        stays_there=Provocation({"key": "sk-of-ivo", "organization_id": None}, key=COLLEAGUE),
        not_owner=Provocation(key=STRANGER),
        not_admin=Provocation(key="internal_viewer"),
    ),
    **posts(
        "/key/delete",
        no_key={"keys": ["sk-missing"]},
        not_owner=Provocation({"keys": ["sk-of-staff"]}, key=MEMBER),
        several_things=Provocation({"keys": [KEY, "sk-of-eve"]}, headers={"if-match": "*"}),
        not_admin=Provocation(key="internal_viewer"),
    ),
    **posts(
        "/key/block",
        no_key={"key": "sk-missing"},
        bad_key={"key": "secret-key"},
        not_owner=Provocation({"key": "sk-of-staff"}, key=MEMBER),
        not_admin=Provocation(key="internal_viewer"),
    ),
    **posts(
        "/key/unblock",
        no_key={"key": "sk-missing"},
        bad_key={"key": "secret-key"},
        not_owner=Provocation({"key": "sk-of-staff"}, key=MEMBER),
        not_admin=Provocation(key="internal_viewer"),
    ),
    **gets(
        "/key/info",
        no_key_found={"key": "sk-missing"},
        not_for_him=Provocation(key=STRANGER),
    ),
    **gets(
        "/key/list",
        bad_status={"status": "gone"},
        bad_order={"sort_order": "up"},
        not_his_own=by(STRANGER, user_id="ann"),
        not_his_team=by(STRANGER, team_id="core"),
    ),
    **gets("/key/aliases", no_user=by("no_user")),
}
