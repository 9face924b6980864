"""Whose files somebody of staff may open: every one by their role, or those alone that wait for what they do."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends

from db.reads.access_log import CaseInNeed, read_need, read_needs
from domain.shared.cases.stages import Stage
from starter.cases import now
from web.http.auth import NotAllowed, StaffMember, require_permission
from web.http.permissions import Permission, StaffRole
from web.http.problem_pages import NOT_NEEDED
from web.services import Services, ServicesDep

# Decisions against which somebody may appeal.
APPEALABLE = frozenset({Stage.DENIED, Stage.SUSPENDED, Stage.UNDER_APPEAL, Stage.REVOKED, Stage.TERMINATED})
# For so long after a flag, or a change of an appeal, somebody sees what came of their work.
FLAGGED_FOR = timedelta(days=1)


def is_needed(roles: Iterable[StaffRole], case: CaseInNeed) -> bool:
    """Whether one of these roles has work in this case: operators in what is flagged, appeals in what is appealable."""
    needs = {
        StaffRole.OPERATOR: case.is_flagged,
        StaffRole.APPEALS_REVIEWER: case.is_appealed or case.stage in APPEALABLE,
    }
    return any(needs.get(role, False) for role in roles)


async def check_file_access(services: Services, member: StaffMember, case_id: str) -> None:
    """Raises `NotAllowed` where nothing in a case's file is for them to read, and `UnknownCase`."""
    if member.may(Permission.READ_FILES):
        return
    case = await services.database.read(read_need, case_id, now() - FLAGGED_FOR)
    if not is_needed(member.roles, case):
        raise NotAllowed(NOT_NEEDED, "Your roles read the files of cases only that wait for what you do.")


async def list_readable(services: Services, member: StaffMember, case_ids: Collection[str]) -> frozenset[str]:
    """Of which of these cases they may read the file, by the same rules."""
    if member.may(Permission.READ_FILES):
        return frozenset(case_ids)
    needs = await services.database.read(read_needs, case_ids, now() - FLAGGED_FOR)
    return frozenset(case_id for case_id, case in needs.items() if is_needed(member.roles, case))


def require_file(permission: Permission) -> Any:
    """Declares that a route about a case is for staff with this permission who may read its file, too."""

    async def find_reader(
        services: ServicesDep, me: Annotated[StaffMember, require_permission(permission)], case_id: str
    ) -> StaffMember:
        await check_file_access(services, me, case_id)
        return me

    return Depends(find_reader)
