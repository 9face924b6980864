"""Everything the code can put before staff's eyes has a name: flags, stages, roles; found in the code itself."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from activities import contracts
from db.writes.effects import stuck_flag
from db.writes.facts import DECISION
from domain.federal.markets import Curriculum, Role
from domain.programs.opening import OPENING_RULES
from domain.shared.assister import Kind
from domain.shared.cases.stages import Stage, WaitingFor
from templates import labels
from templates.catalogs import LANGUAGES, translate
from web.http.permissions import StaffRole

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("activities", "db")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "migrations" not in path.parts
]

# What is raised by a name that is handed on, and never by itself.
HANDED_ON = {
    ("db/writes/cases.py", "what"),
    ("db/writes/facts.py", "what"),
    ("db/writes/imports.py", "OPENING_RULES[case.program].conflict"),
    ("db/writes/npn/claims.py", "OPENING_RULES[rival.program].conflict"),
    ("db/writes/opening.py", "rules.conflict"),
}
# A notice the mail server refuses raises a flag of its own, within its effect.
NOTICES = "notice."


def values(node: ast.expr, module: ModuleType, function: ast.AST | None) -> list[str]:
    """What an argument may be: a word, a constant of the module, a word with a curriculum in it."""
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.JoinedStr):
        (place,) = [part for part in node.values if isinstance(part, ast.FormattedValue)]
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        curriculum = isinstance(place.value, ast.Attribute) and place.value.attr == "curriculum"
        return [text.format(one.value) for one in Curriculum] if curriculum else [text.format("x")]
    if isinstance(node, ast.Name):
        assigned = [
            one.value
            for one in (ast.walk(function) if function else ())
            if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == node.id
        ]
        if assigned:
            return [value for one in assigned for value in values(one, module, None)]
        found = getattr(module, node.id, None)
        return [found] if isinstance(found, str) else []
    return []


def calls(path: Path) -> Iterator[tuple[ast.Call, ast.AST | None]]:
    """Every call of a module, with the outermost function it stands in."""
    tree = ast.parse(path.read_text("utf-8"))
    methods = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = {id(child): method for method in reversed(methods) for child in ast.walk(method)}
    yield from ((node, inside.get(id(node))) for node in ast.walk(tree) if isinstance(node, ast.Call))


def raised() -> Iterator[str]:
    """Every flag that some code raises, those of refused effects too."""
    for path in SOURCES:
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for call, function in calls(path):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            unit = ast.unparse(call.args[0]) if name == "write" else name
            if unit in ("raise_flag", "flag_case", "flag_locked_case") and len(call.args) > 1:
                argument = call.args[1 if unit == "raise_flag" else 2]
                found = values(argument, module, function)
                handed = (str(path.relative_to(ROOT)), ast.unparse(argument)) in HANDED_ON
                named = ast.unparse(argument).startswith(("refusal_flag(", "stuck_flag("))
                assert found or handed or named, f"{path.name}: {ast.unparse(call)}"
                yield from found
            elif (name == "make_once" and len(call.args) > 2) or (name == "_place_learner" and len(call.args) > 1):
                kinds = values(call.args[2 if name == "make_once" else 1], module, function)
                assert kinds or ast.unparse(call.args[2]) == "kind", f"{path.name}: {ast.unparse(call)}"
                yield from (f"{kind}.refused" for kind in kinds if not kind.startswith(NOTICES))


def stuck() -> set[str]:
    """The flag of each activity that is about a case: it may keep failing."""
    found = set()
    for contract in vars(contracts).values():
        for method in list(vars(contract).values()) if isinstance(contract, type) else ():
            definition = getattr(method, "__temporal_activity_definition", None)
            if definition is not None and "case_id" in definition.arg_types[0].model_fields:
                found.add(stuck_flag(definition.name))
    return found


def test_every_flag_that_the_code_raises_has_a_label_and_every_label_a_flag() -> None:
    conflicts = {rules.conflict for rules in OPENING_RULES.values()}
    assert len(stuck()) == 29
    assert {*raised(), *stuck(), *conflicts, DECISION} == set(labels.REASONS_TO_LOOK)


def test_every_page_that_records_an_access_has_a_label_and_every_label_a_page() -> None:
    noted = set()
    for path in sorted((ROOT / "web").rglob("*.py")):
        for call, _ in calls(path):
            by_visit = isinstance(call.func, ast.Attribute) and call.func.attr == "record_access"
            if by_visit or (call.args and ast.unparse(call.args[0]) == "record_access"):
                page = call.args[0 if by_visit else 2]
                words = [node.value for node in ast.walk(page) if isinstance(node, ast.Constant)]
                handed_on = path.name == "layout.py" and ast.unparse(page) == "page"
                assert words or handed_on, f"{path.name}: {ast.unparse(call)}"
                noted |= set(words)
    assert noted == set(labels.ACCESSED_PAGES)


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("staff_stage", Stage),
        ("staff_awaited", WaitingFor),
        ("kind", [*Kind, *Role]),
        ("staff_role", StaffRole),
    ],
)
def test_every_value_that_a_list_shows_has_a_label(name: str, codes: list[str]) -> None:
    assert {str(code) for code in codes} <= set(labels.FILTERS[name])


@pytest.mark.parametrize("table", [labels.STAFF_STAGES, labels.STAFF_AWAITED, labels.REASONS_TO_LOOK])
def test_no_label_for_staff_speaks_to_the_assister_or_stands_for_two_values(table: dict[str, str]) -> None:
    assert not [label for label in table.values() if "your" in label.lower().split()]
    assert len(set(table.values())) == len(table)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("table", [labels.STAFF_STAGES, labels.REASONS_TO_LOOK])
def test_a_label_of_the_charts_fits_on_a_phone(table: dict[str, str], language: str) -> None:
    assert not [told for told in (translate(label, language) for label in table.values()) if len(told) > 40]
