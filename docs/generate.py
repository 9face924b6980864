"""Writes the pages of docs/ that follow from the code, or says which are stale: python -m docs.generate [--check]."""

import argparse
import ast
import re
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import get_args

from pydantic import AliasChoices, AliasPath, Secret, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from docs.policy_pages import (
    list_exchange_fields,
    list_fields,
    list_years,
    write_exchange_schema,
    write_schema,
)
from docs.requirement_rows import MISSING, REQUIRED, ROWS
from docs.stage_pages import list_receptions
from domain.shared.programs import FEDERAL_PROGRAM, STATE_PROGRAM
from domain.shared.words import fill_words
from starter.policies import load_policies

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Written by `make docs` from the code: change it there. -->"


def settings_page() -> str:
    from settings import Settings

    prefix = Settings.model_config.get("env_prefix", "")
    rows = [
        [", ".join(f"`{each}`" for each in variables(name, field, prefix)), type_of(field), default_of(name, field),
         field.description or ""]
        for name, field in Settings.model_fields.items()
    ]  # fmt: skip
    return page(
        "Settings",
        "Environment variables, read once by the entry points. A secret may also be a file of the variable's name in\n"
        "the secrets folder. Temporal's connection is set by Temporal's own variables: `TEMPORAL_ADDRESS`,\n"
        "`TEMPORAL_NAMESPACE`, `TEMPORAL_PROFILE` and the rest.",
        table(["variable", "type", "default", "what it is"], rows),
    )


def variables(name: str, field: FieldInfo, prefix: str) -> list[str]:
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    named = [str(each.path[0] if isinstance(each, AliasPath) else each).upper() for each in choices if each]
    return list(dict.fromkeys(named or [(prefix + name).upper()]))


def type_of(field: FieldInfo) -> str:
    annotation = field.annotation
    name = annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)
    without_modules = re.sub(r"\b(?:[a-z_]+\.)+", "", name)
    return f"`{without_modules}`"


def default_of(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if is_secret(name, field):
        return "secret, not shown" if field.default_factory or field.default else "none"
    if field.default_factory is not None:
        return "computed"
    return "none" if field.default in (None, "") else f"`{field.default}`"


def is_secret(name: str, field: FieldInfo) -> bool:
    types = [field.annotation, *get_args(field.annotation)]
    declared = any(isinstance(each, type) and issubclass(each, Secret | SecretStr | SecretBytes) for each in types)
    return declared or bool(re.search(r"password|secret|tokens?$|(api|identity)_key", name))


def requirements_page() -> str:
    tests = tests_by_row()
    rows = [
        [
            row,
            f"{text}<br>*Not yet:* {MISSING[row]}" if row in MISSING else text,
            "<br>".join(tests[row]) or "no test yet",
        ]
        for row, text in ROWS.items()
    ]
    return page(
        "Requirements and their tests",
        "A test belongs to a row when its name says so: `test_a21_…`, `test_a24_a27_…`.\n"
        "Tests without a row show what no row asks for: privacy, limits, input of every kind.",
        table(["row", "requirement", "tests"], rows),
    )


def tests_by_row() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {row: [] for row in ROWS}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for test in test_names(path):
            for row in dict.fromkeys(word.upper() for word in test.split("_")):
                if row in found:
                    found[row].append(f"`{path.relative_to(ROOT)}::{test}`")
    return found


def test_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name


def rows_without_a_test() -> list[str]:
    tests = tests_by_row()
    return [row for row in REQUIRED if not tests[row]]


def stages_page() -> str:
    from domain.federal.markets import Curriculum, FederalList, Market, MarketplaceAgreement, NpnStatus, Role
    from domain.federal.may_assist import MAY_ASSIST_REASONS as MAY_ASSIST_REASONS_IN_FFM
    from domain.federal.profile import ProfileStatus
    from domain.shared.cases.reasons import SENTENCES
    from domain.shared.cases.stages import ENDED, OWNER, Stage
    from domain.state.certification import Completeness, EligibilityStatus, LmsAccount, PortalAccount, SchedulingTool
    from domain.state.eligibility import SOURCE, Check, Result
    from domain.state.may_assist import MAY_ASSIST_REASONS

    enumerations: list[tuple[str, type[StrEnum]]] = [
        ("`eligibility.status`", EligibilityStatus),
        ("`findings[].result`", Result),
        ("`training.lms_account`", LmsAccount),
        ("`training.profile`, `portal.profile`", Completeness),
        ("`portal.account`", PortalAccount),
        ("`portal.scheduling_tool`", SchedulingTool),
    ]
    federal: list[tuple[str, type[StrEnum]]] = [
        ("`kind`, `profile.role`", Role),
        ("`profile.status`", ProfileStatus),
        ("`profile.npn`, once it was saved", NpnStatus),
        ("`markets[].market`, the keys of `training`", Market),
        ("`enrollments[].curriculum`", Curriculum),
        ("`agreements[].agreement`", MarketplaceAgreement),
        ("`publication.lists[].list`", FederalList),
    ]
    parts = [
        "## `stage`\n\nIn the order of the guide's steps.",
        table(["stage", "ends the case"], [[f"`{one}`", "yes" if one in ENDED else ""] for one in Stage]),
        "## `waiting_for`\n\nEvery wait has an owner: whose move it is.",
        table(["waiting for", "owner"], [[f"`{wait}`", owner] for wait, owner in OWNER.items()]),
        "## `may_assist_reasons`\n\nEach step of the guide that isn't done is named (A30).",
        table(["reason", "sentence"], [[f"`{one}`", fill_words(SENTENCES[one])] for one in MAY_ASSIST_REASONS]),
        "In the federal program, of the market that lacks least:",
        table(["reason", "sentence"], [[f"`{one}`", fill_words(SENTENCES[one])] for one in MAY_ASSIST_REASONS_IN_FFM]),
        "## `eligibility.findings[].check`",
        table(["check", "holds when", "row"], [[f"`{one}`", fill_words(SENTENCES[one]), SOURCE[one]] for one in Check]),
        "## Other enumerations",
        table(["field", "values"], [values_of(*one) for one in enumerations]),
        "## Of the federal program\n\n`enrollments[].channel` is `mlms` or a vendor's id in the plan year's policy.",
        table(["field", "values"], [values_of(*one) for one in federal]),
        "## What becomes of facts and commands\n\n"
        "Asked of the rules themselves (`domain/programs/stage_table/`): a case is taken to each place where it can\n"
        "stand, and there everything is tried on it.\n\n"
        "*Taken* counts now, and says where the case stands then; *held* is stored, and counts once its step has\n"
        "come; *kept* is stored and moves nothing; *refused* says why. Whatever comes again is known by its id, and\n"
        "changes nothing.\n\n"
        "Where a stage answers in more than one way, what it waits for stands beside it, or whose it is: a new agent\n"
        "or *broker*, a *counselor*, somebody *returning* who has accounts already, an agent or broker whose NPN is\n"
        "*unproven*; in the federal program who is *new* and who is *returning*. What *us* does happens during its\n"
        "own wait alone. A suspension stands here over `active`: over an earlier step reports count as they do there,\n"
        "and the stage stays `suspended`.",
        "### In the state program",
        table(["what arrives", "from", "at", "what becomes of it"], list_receptions(STATE_PROGRAM)),
        "### In the federal program",
        table(["what arrives", "from", "at", "what becomes of it"], list_receptions(FEDERAL_PROGRAM)),
    ]
    return page(
        "Stages",
        "A case's stage is a fold over its facts (`domain/state/certification.py`; of `ffm`,\n"
        "`domain/federal/registration.py`): idempotent, and indifferent to their order.\n"
        "These are all the values the status document can show.",
        "\n\n".join(parts),
    )


def values_of(name: str, every: type[StrEnum]) -> list[str]:
    return [name, ", ".join(f"`{one}`" for one in every)]


def permissions_page() -> str:
    from fastapi.routing import APIRoute, iter_route_contexts

    from tests.web.conftest import settings_of
    from web.app import create_app
    from web.http.auth import AccessDeclaration, PermissionRequired, list_access
    from web.http.permissions import GRANTS, Permission

    def told(route: APIRoute) -> str:
        whom = list_access(route)[0]
        if isinstance(whom, PermissionRequired):
            return f"`{whom.permission}`"
        return whom.whom if isinstance(whom, AccessDeclaration) else whom.__name__.replace("_", " ")

    routes = [one.original_route for one in iter_route_contexts(create_app(settings_of(Path("/nowhere"))).routes)]
    calls = sorted(
        (route.path_format, method, told(route))
        for route in routes
        if isinstance(route, APIRoute)
        for method in (route.methods or set()) - {"HEAD"}
    )
    granted = [[f"`{one}`", *("yes" if one in GRANTS[role] else "" for role in GRANTS)] for one in Permission]
    parts = [
        "## Roles",
        table(["permission", *(role.replace("_", " ") for role in GRANTS)], granted),
        "## Routes",
        "A permission of staff stands as its name; *link* is who holds an activation link or a form's cookie,\n"
        "*require own session* somebody signed in to their own pages,\n"
        "*signed* a third party whose signature or ticket is checked, *registrant* staff in an assister's\n"
        "name, or a portal by a pass of theirs.",
        table(["route", "method", "who may"], [[f"`{path}`", method, whom] for path, method, whom in calls]),
    ]
    return page(
        "Permissions",
        "Who may (`web/http/permissions.py`, `web/http/auth.py`); when something may be done is `domain/`'s to say.\n"
        "An application with a route that doesn't declare who may call it is not built.",
        "\n\n".join(parts),
    )


def policies_page() -> str:
    head = ["field", "kept", "type", "default", "what it is"]
    parts = [
        "## The files shipped",
        table(["program", "plan year", "rules", "opens", "closes"], list_years()),
        f"## Of the exchange, `policies/{STATE_PROGRAM}/{{year}}.toml`",
        table(head, list_fields(STATE_PROGRAM)),
        "## Of the federal marketplace, `policies/ffm/{year}.toml`",
        table(head, list_fields(FEDERAL_PROGRAM)),
        "## Whose program it is, `exchange.toml`",
        "A folder has one beside its years: how the exchange is called and looks, everywhere people see it, and which\n"
        "texts of agreements are in force, in `agreements/`. Another exchange is a copy of the folder with an\n"
        "`exchange.toml`, texts and years of its own, named by `CERTIFY_POLICIES`. The folder is called\n"
        f"`{STATE_PROGRAM}` then too: that is the id of a state's program in the database and in histories.",
        table(["field", "type", "default", "what it is"], list_exchange_fields(STATE_PROGRAM)),
        "The federal marketplace's has no state. `license_words.toml`, above the folders, has the states' words\n"
        "for the health line of authority (E15), for both programs and every case at once; `zip_codes.toml` has the\n"
        "first digits of each state's ZIP Codes, for the question that a form asks where they differ from the state.",
    ]
    return page(
        "Policies",
        "The rules of each program and plan year, as files in TOML; folder and name of a file say whose they are.\n"
        "They are read when worker, web and `certify` start (`CERTIFY_POLICIES` names another folder), all of them\n"
        "or none: `certify policy check` names every fault by file and line. `schema.json` beside is for editors.\n\n"
        "A file with `carried_over_from` says only what differs from that year's: tables are merged, anything else\n"
        "takes the place of what was there.\n\n"
        "A case keeps the rules it began with, in the database, by the SHA-256 of what they say. What is no rule is\n"
        "as the newest file has it, for every case at once: in the tables below it is marked *no*. So is what the\n"
        "file of a case's first day didn't have yet. `certify policy migrate` moves cases to other rules.",
        "\n\n".join(parts),
    )


def page(title: str, introduction: str, body: str) -> str:
    return f"{NOTE}\n\n# {title}\n\n{introduction}\n\n{body}\n"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# A new page is one function that returns its text, and a line here.
PAGES: dict[str, Callable[[], str]] = {
    "docs/settings.md": settings_page,
    "docs/stages.md": stages_page,
    "docs/requirements.md": requirements_page,
    "docs/permissions.md": permissions_page,
    "docs/policies.md": policies_page,
    **{
        f"policies/{program}/exchange.schema.json": partial(write_exchange_schema, program)
        for program in (STATE_PROGRAM, FEDERAL_PROGRAM)
    },
    f"policies/{STATE_PROGRAM}/schema.json": partial(write_schema, STATE_PROGRAM),
    "policies/ffm/schema.json": partial(write_schema, FEDERAL_PROGRAM),
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page is stale")
    parser.add_argument("--strict-rows", action="store_true", help="fail where a required row has no test")
    options = parser.parse_args(arguments)
    load_policies()

    faults = []
    for name, text_of in PAGES.items():
        path, text = ROOT / name, text_of()
        if options.check and (not path.exists() or path.read_text(encoding="utf-8") != text):
            faults.append(f"{name} is stale: run `make docs`")
        elif not options.check:
            path.write_text(text, encoding="utf-8")
    if options.strict_rows:
        faults += [f"{row} has no test: {ROWS[row]}" for row in rows_without_a_test()]
    print("\n".join(faults) or "The generated pages are current.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
