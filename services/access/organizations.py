"""Who may do what with an organization, judged on the stored one (auth.md 3.4, A04, A05); pure."""

from dataclasses import dataclass

from services.access.principal import AccessRefused, Principal

ORGANIZATION_ADMIN = "org_admin"


@dataclass(frozen=True, slots=True)
class OrganizationStanding:
    """What a caller is to one organization: his `role` there, and whether he is `in_any`.

    There is no role where there is no such organization: strangers cannot tell.
    """

    organization_id: str
    role: str | None
    in_any: bool


def check_organization_admin(
    route: str, principal: Principal, standing: OrganizationStanding, *, reads: bool = False
) -> None:
    """Raise the 401 unless the caller is proxy admin, or admin of the organization.

    With `reads` the viewer of everything is admitted too.
    """
    role, organization_id = standing.role, standing.organization_id
    if principal.is_admin or (reads and principal.reads_everything):
        return
    if role == ORGANIZATION_ADMIN:
        return
    if not standing.in_any:
        raise _refused(
            f"Tried to access route={route} but you are not a member of any organization. "
            "Please contact the proxy admin to request access."
        )
    if role is None:
        raise _refused(
            "You do not have a role within the selected organization. Passed organization_id: "
            f"{organization_id}. Please contact the organization admin to request access."
        )
    raise _refused(
        f"You do not have the required role to perform {route} in Organization "
        f"{organization_id}. Your role is {role} in Organization {organization_id}",
        "user_role",
    )


def organization_not_named() -> AccessRefused:
    """The 401 for who could be admitted to one organization, and names none."""
    return _refused(
        "Passed organization_id is None, please pass an organization_id in your request"
    )


def _refused(text: str, param: str = "organization_id") -> AccessRefused:
    return AccessRefused(401, text, param=param)
