"""The verb `certify policy migrate`: which cases would come out otherwise by other rules, and moving them."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from domain.shared.ids import name_staff_actor
from starter.cli.arguments import DEFAULTS, FLAG, CommonOptions, require_text
from starter.cli.context import CommandServices, NotDone, UsageError, open_services
from starter.cli.output import make_table, open_console, print_json
from starter.cli.policy import PlanYear, Program, find_policy_in_folder

if TYPE_CHECKING:
    from domain.shared.policy import ProgramPolicy
    from starter.rule_moves import MovedCase

# What comes out otherwise, as people read it; `domain.programs.outcomes.Outcome` has the names.
WORDS = {
    "last_day": "last day of the plan year's window",
    "reminder": "latest reminder due",
    "exam": "exam result",
    "intake": "whom the exchange takes in",
    "license": "state whose licence is needed",
    "training": "training that counts",
    "training_deadline": "last day for the training",
    "vendor": "training vendor",
    "listing": "business days until listed",
}


async def migrate_cases(
    program: Program,
    plan_year: PlanYear,
    /,
    *,
    case: Annotated[
        list[str] | None, Parameter(help="Id of a case to move, once for each; without it every open one.")
    ] = None,
    to: Annotated[
        Path | None,
        Parameter(name="--to", help="With --dry-run: another folder, such as a draft."),
    ] = None,
    dry_run: Annotated[
        bool, FLAG, Parameter(name="--dry-run", help="Say whose outcome would change, and why; move nothing.")
    ] = False,
    reason: Annotated[str | None, Parameter(help="Why; it is audited.")] = None,
    actor: Annotated[str | None, Parameter(name="--as", help="Who does it; it is audited.")] = None,
    options: CommonOptions = DEFAULTS,
) -> int:
    """Move open cases to the rules in force; with --dry-run say whose outcome would change, and why.

    A last day and reminders change at once. What was judged stays as it was judged; what comes next is judged anew.
    """
    if not dry_run:
        _require_origin(to, reason, actor)
    chosen = frozenset(case or ())
    async with open_services(options.data) as services:
        policy = _find_policy(program, plan_year, to)
        await _require_cases(services, chosen, policy)
        moved = await _collect(services, policy, chosen, None if dry_run else (reason or "", actor or ""))
    if options.json:
        print_json([_describe(one) for one in moved])
    else:
        _print_moves(moved, dry_run)
    return 1 if any(one.state == "refused" for one in moved) else 0


def _require_origin(to: Path | None, reason: str | None, actor: str | None) -> None:
    if to is not None:
        raise UsageError("Cases move to the rules in force alone; --to goes with --dry-run.")
    if reason is None or actor is None:
        raise UsageError("Moving cases needs --reason and --as; --dry-run needs neither.")
    require_text(reason=reason, actor=actor)


def _find_policy(program: str, plan_year: int, folder: Path | None) -> "ProgramPolicy":
    from domain.programs.policies import find_policy

    if folder is not None:
        return find_policy_in_folder(program, plan_year, folder)
    policy = find_policy(program, plan_year)
    if policy is None:
        raise NotDone(f"There is no policy of {program} for {plan_year} in force.")
    return policy


async def _require_cases(services: CommandServices, chosen: Collection[str], policy: "ProgramPolicy") -> None:
    """Raises `UnknownCase`, `NotDone` for a case of another program or plan year: nothing is moved then."""
    from db.case_state import load_case

    for case_id in sorted(chosen):
        found = await services.database.read(load_case, case_id)
        if (found.program, found.plan_year) != (policy.program, policy.plan_year):
            raise NotDone(f"The case {case_id} is of {found.program} {found.plan_year}; name cases of one plan year.")


async def _collect(
    services: CommandServices, policy: "ProgramPolicy", chosen: Collection[str], origin: tuple[str, str] | None
) -> list["MovedCase"]:
    from starter.rule_moves import MovedCase, iterate_moves, move_cases

    if origin is None:
        return [MovedCase(move, "") async for move in iterate_moves(services.database, policy, chosen)]
    reason, actor = origin[0].strip(), name_staff_actor(origin[1])
    return [one async for one in move_cases(services.cases, services.database, policy, chosen, reason, actor)]


def _describe(one: "MovedCase") -> dict[str, Any]:
    changes = [
        {"what": change.what.value, "before": change.before, "after": change.after, "by_move": change.is_by_move}
        for change in one.move.changes
    ]
    told = {"state": one.state} if one.state else {}
    why = {"reason": one.why} if one.why else {}
    move = one.move
    return {"case_id": move.case_id, "stage": move.stage, "rules": move.rules_hash, "changes": changes, **told, **why}


def _print_moves(moved: Sequence["MovedCase"], dry_run: bool) -> None:
    out = open_console()
    rows = [
        (one.move.case_id, WORDS[change.what], change.before or "none", change.after or "none")
        for one in moved
        for change in one.move.changes
    ]
    if rows:
        out.print(make_table("case", "what", "by its rules", "by the others", rows=rows))
    changed = len({case_id for case_id, *_ in rows})
    if dry_run:
        out.print(f"{len(moved)} open cases go by other rules; the outcome of {changed} would change.")
        return
    states = [one.state for one in moved]
    out.print(f"Moved {states.count('applied')}; of {changed} the outcome changes.")
    if waiting := states.count("pending"):
        out.print(f"{waiting} are kept, and moved once their workflows answer.")
    for one in moved:
        if one.why:
            out.print(f"{one.move.case_id} keeps its rules: {one.why}")
