"""The verbs of `certify policy` that need no stack: files of policies checked, shown, and held against each other."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from domain.shared.programs import ProgramName
from starter.cli.arguments import Json
from starter.cli.context import NotDone
from starter.cli.output import format_value, make_table, open_console, print_json, print_pairs

if TYPE_CHECKING:
    from rich.text import Text

    from domain.shared.policy import ProgramPolicy

SETTING = "CERTIFY_POLICIES"

app = App(
    name="policy",
    help="Check the files of policies, show one, what differs between two, or move cases to other rules.",
    help_format="plaintext",
    version_flags=[],
)
PlanYear = Annotated[int, Parameter(help="The plan year.")]
Program = Annotated[ProgramName, Parameter(help="The program.")]
Folder = Annotated[
    Path | None,
    Parameter(help=f"Folder of the policies; without it {SETTING}, else those shipped."),
]


@app.command(name="check")
def check_policies(folder: Folder = None, /, *, json: Json = False) -> int:
    """Name every fault of the files as FILE:LINE: SENTENCE; status 1 where there is one.

    Texts that are samples are named too, as warnings.
    """
    from domain.programs.policy_files import FaultyPolicies
    from starter.policies import SHIPPED, read_folder

    chosen = _choose_folder(folder) or SHIPPED
    try:
        found = read_folder(chosen)
        policies, warnings, faulty = found.policies, found.list_warnings(), None
    except FaultyPolicies as error:
        policies, warnings, faulty = [], [], error
    if json:
        told = {"faults": faulty.faults if faulty else (), "warnings": warnings}
        described = {
            name: [{"file": one.file, "line": one.line, "sentence": one.sentence} for one in ones]
            for name, ones in told.items()
        }
        left_out = faulty.left_out if faulty else 0
        print_json({"policies": [_name(one) for one in policies], **described, "left_out": left_out})
    elif faulty:
        # As compilers do, so that editors find the line; not wrapped, since a line is one fault.
        print(*faulty.list_lines(), sep="\n")
    else:
        print(f"{len(policies)} policies, without a fault.")
        if warnings:
            print("To be looked at before others use them:", *warnings, sep="\n")
    return 1 if faulty else 0


@app.command(name="show")
def show_policy(program: Program, plan_year: PlanYear, /, *, folder: Folder = None, json: Json = False) -> None:
    """Show the rules of a plan year as they are read, with those that are carried over."""
    from domain.programs.policy_differences import list_rules

    policy = find_policy_in_folder(program, plan_year, folder)
    rules = list_rules(policy)
    if json:
        print_json({**_name(policy), "carried_over_from": policy.carried_over_from, "rules": rules})
        return
    whose = f"carried over from {policy.carried_over_from}" if policy.carried_over_from else "as published"
    print_pairs(open_console(), [("rules", whose), *((name, _format_rule(value)) for name, value in rules.items())])


@app.command(name="diff")
def compare_plan_years(
    program: Program,
    plan_year: PlanYear,
    other: Annotated[int | None, Parameter(help="Another plan year; without it the same.")] = None,
    /,
    *,
    folder: Folder = None,
    to: Annotated[Path | None, Parameter(name="--to", help="Folder of the other one, such as a draft.")] = None,
    json: Json = False,
) -> None:
    """Show what differs between two plan years, or between two folders."""
    from domain.programs.policy_differences import compare_policies

    before = find_policy_in_folder(program, plan_year, folder)
    after = find_policy_in_folder(program, plan_year if other is None else other, to or folder)
    found = compare_policies(before, after)
    if json:
        print_json([{"field": one.field, "before": one.before, "after": one.after} for one in found])
    elif found:
        rows = ((one.field, _format_rule(one.before), _format_rule(one.after)) for one in found)
        open_console().print(make_table("field", "before", "after", rows=rows))
    else:
        print("The rules are the same.")


def _choose_folder(folder: Path | None) -> Path | None:
    named = os.environ.get(SETTING)
    return folder or (Path(named) if named else None)


def find_policy_in_folder(program: str, plan_year: int, folder: Path | None) -> "ProgramPolicy":
    """The policy in a folder. Raises `NotDone` where it has faults, or no such policy."""
    from domain.programs.policy_files import FaultyPolicies
    from starter.policies import SHIPPED, read_policy_folder

    try:
        policies = read_policy_folder(_choose_folder(folder) or SHIPPED)
    except FaultyPolicies as error:
        raise NotDone(f"{error.faults[0]} `certify policy check` names every fault.") from None
    for one in policies:
        if (one.program, one.plan_year) == (program, plan_year):
            return one
    years = ", ".join(str(one.plan_year) for one in policies if one.program == program)
    raise NotDone(f"There is no policy of {program} for {plan_year}; there are {years}.")


def _name(policy: "ProgramPolicy") -> dict[str, Any]:
    return {"program": policy.program, "plan_year": policy.plan_year}


def _format_rule(value: object) -> "Text":
    if isinstance(value, list):
        return format_value(", ".join(map(str, value)) or None)
    return format_value(value)
