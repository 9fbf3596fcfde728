"""Bodies that the LiteLLM routes accept: their form, checked before any rule of the domain."""

from services.edge.requests.common import TooDeep, UnsafeJson, check_json, parse_json
from services.edge.requests.key import DeleteKeys, GenerateKey, KeyRef
from services.edge.requests.member import Member, MemberAdd, MemberDelete, MemberUpdate
from services.edge.requests.team import BlockTeam, DeleteTeams, NewTeam, UpdateTeam
from services.edge.requests.user import NewUser, TeamOfUser

__all__ = [
    "BlockTeam",
    "DeleteKeys",
    "DeleteTeams",
    "GenerateKey",
    "KeyRef",
    "Member",
    "MemberAdd",
    "MemberDelete",
    "MemberUpdate",
    "NewTeam",
    "NewUser",
    "TeamOfUser",
    "TooDeep",
    "UnsafeJson",
    "UpdateTeam",
    "check_json",
    "parse_json",
]
