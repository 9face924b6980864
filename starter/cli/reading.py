"""The verbs of `certify` that read cases: where one is, and which there are; nothing is changed."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from domain.shared.programs import ProgramName
from starter.cli.arguments import DEFAULTS, FLAG, CaseId, CommonOptions, require_choice
from starter.cli.context import UsageError, open_database
from starter.cli.output import open_console, print_cases, print_json
from starter.cli.status_output import print_status

if TYPE_CHECKING:
    from db.engine import Database

KindName = Literal["agent", "broker", "enrollment_counselor", "marketplace_agent_broker", "not_an_agent_broker"]


async def show_status(
    case: CaseId,
    /,
    *,
    history: Annotated[bool, FLAG, Parameter(help="With everything that happened, in order.")] = False,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Show where a case is and what it waits for."""
    from db.reads.house.staff_names import list_staff_names
    from db.reads.status import read_status
    from starter.cases import now

    async with open_database(options.data) as database:
        document = await database.read(read_status, case, now(), with_history=history)
        names = await database.read(list_staff_names)
    if options.json:
        print_json(document)
    else:
        print_status(open_console(), document, names)


async def list_cases(
    *,
    program: Annotated[ProgramName | None, Parameter(help="Only of this program.")] = None,
    plan_year: Annotated[int | None, Parameter(help="Only of this plan year.")] = None,
    stage: Annotated[str | None, Parameter(help="Only in this stage, such as awaiting_decision.")] = None,
    kind: Annotated[KindName | None, Parameter(help="Only of this kind; of program ffm, of this role.")] = None,
    desk: Annotated[
        str | None, Parameter(help="Only what waits on this desk: nobody, or who of staff, by name or id.")
    ] = None,
    options: CommonOptions = DEFAULTS,
) -> None:
    """List cases, newest first: whose they are, what they wait for, since when, and on whose desk."""
    from db.reads.cases import read_case_list
    from db.reads.queue import NOBODY, Filters
    from domain.shared.cases.stages import Stage
    from starter.cases import now

    require_choice("stage", stage, [one.value for one in Stage])
    found: list[dict[str, Any]] = []
    filters = Filters(program, plan_year, kind, stage, at=now())
    async with open_database(options.data) as database:
        if desk is not None:
            filters = replace(filters, desk=NOBODY if desk == NOBODY else await _find_desk(database, desk))
        last = None
        while page := await database.read(read_case_list, filters, last, with_names=True):
            found += page
            last = page[-1]["case_id"]
    if options.json:
        print_json(found)
    else:
        print_cases(open_console(), found)


async def _find_desk(database: "Database", called: str) -> str:
    from db.reads.desk.assignments import find_desk

    actor = await database.read(find_desk, called)
    if actor is None:
        raise UsageError("--desk: none of staff is called so; give a name or id as the queue shows it, or nobody.")
    return actor
