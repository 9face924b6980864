"""The steps of the request form: what each asks of whom, and how far a draft has come; no routes, and no rule.

domain/state/request.py decides what is right: a step's faults are those of the whole request in the step's own fields.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.shared.assister import Kind
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.programs import STATE_PROGRAM
from domain.state.request import fold_insurers, list_fields, parse_request
from templates.catalogs import N_
from web.form_steps import FormPart, FormWalk
from web.http.forms import Values, parse_number
from web.public.request.eligibility import EXPERIENCE, WORK_STATE, find_detour, find_first_faults
from web.state_form import ADDRESS_PARTS, SAME, SHOWN_TEXTS, copy_same_address, read_request

EVERYBODY = frozenset(Kind)
LICENSED = frozenset(kind for kind in Kind if kind.is_licensed)
COUNSELORS = EVERYBODY - LICENSED

_GROUPS = ("business_address", "physical_address", "employer")
INSURERS = "insurers"
MOST_INSURERS = 50
_FIRST = (EXPERIENCE, "kind", WORK_STATE)


@dataclass(frozen=True)
class FormStep(FormPart):
    """One group of questions, and whom it is for."""

    kinds: frozenset[Kind] = EVERYBODY

    @property
    def template(self) -> str:
        """The page of this step."""
        return f"request/{self.slug.replace('-', '_')}.html"

    def pick_answers(self, posted: Mapping[str, str]) -> Values:
        """As of every step; the rows of insurance companies are one answer."""
        if self.slug == INSURERS:
            return {INSURERS: "\n".join(_fold_rows(read_rows(posted)))}
        return super().pick_answers(posted)


STEPS = (
    # The first questions come before the steps that are counted; a draft may have been begun with the kind alone.
    FormStep("kind", N_("First questions"), ("kind", EXPERIENCE, WORK_STATE)),
    FormStep("name", N_("Name"), ("first_name", "last_name")),
    FormStep("contact", N_("Contact"), ("email", "phone", "language", "addressed_as")),
    FormStep("license", N_("License"), ("npn", "license_number"), LICENSED),
    FormStep("employer", N_("Employer"), ("employer.kind", "employer.name"), COUNSELORS),
    FormStep(INSURERS, N_("Insurance companies"), (INSURERS,), LICENSED),
    FormStep(
        "business-address",
        N_("Business address"),
        tuple(f"business_address.{part}" for part in ADDRESS_PARTS),
        LICENSED,
    ),
    FormStep(
        "physical-address",
        N_("Physical address"),
        (*(f"physical_address.{part}" for part in ADDRESS_PARTS), SAME),
    ),
    FormStep("agreement", N_("Agreement"), ("agreement_accepted", "agreement_version", "agreement_language")),
    FormStep(
        "background-check",
        N_("Background check"),
        ("background_check_consent", "consent_version", "consent_language"),
        COUNSELORS,
    ),
)


def list_steps(answers: Mapping[str, str]) -> tuple[FormStep, ...]:
    """The steps of the kind that was chosen; until one is, the first."""
    kind = answers.get("kind", "")
    return tuple(step for step in STEPS if kind in step.kinds) or STEPS[:1]


def build_document(answers: Mapping[str, str]) -> dict[str, Any]:
    """The request so far, as a document: the fields of its kind, without those answered for another kind before."""
    kind = answers.get("kind", "")
    asked = (list_fields(kind) if kind in EVERYBODY else frozenset({"kind"})) | {*SHOWN_TEXTS}
    given = {name: text for name, text in copy_same_address(answers).items() if name.partition(".")[0] in asked}
    # A group without any answer lacks each of its parts.
    return {group: {} for group in _GROUPS if group in asked} | read_request({**given, "program": STATE_PROGRAM})


def find_faults(answers: Mapping[str, str]) -> list[Fault]:
    """Everything that is wrong with the request as it stands, and everything it lacks."""
    first = find_first_faults(answers)
    try:
        parse_request(build_document(answers))
    except Invalid as invalid:
        return sorted([*first, *invalid.faults], key=_rank_fault)
    return first


def _rank_fault(fault: Fault) -> int:
    """The first questions in the order of their page; all else as it comes."""
    return _FIRST.index(fault.field) if fault.field in _FIRST else len(_FIRST)


def find_faults_at(step: FormStep, answers: Mapping[str, str]) -> list[Fault]:
    """What is wrong with the answers of one step."""
    return _walk(answers).find_faults_at(step)


def find_faults_to_show(step: FormStep, answers: Mapping[str, str]) -> list[Fault]:
    """What to say of a step when it is opened again: what is wrong with its answers."""
    return _walk(answers).find_faults_to_show(step)


def is_answered(step: FormStep, answers: Mapping[str, str]) -> bool:
    """Whether a step was answered, correctly or not."""
    return step.is_answered(answers)


def find_first_open(answers: Mapping[str, str]) -> FormStep | None:
    """The first step that is not answered, has a fault or leads elsewhere; None where the request is complete."""
    return STEPS[0] if find_detour(answers) else _walk(answers).find_first_open()


def list_reachable(answers: Mapping[str, str]) -> Sequence[FormStep]:
    """The steps that may be opened: those answered, and the first that is not."""
    return STEPS[:1] if find_detour(answers) else _walk(answers).list_reachable()


def read_rows(posted: Mapping[str, str]) -> list[str]:
    """The rows of insurance companies in what was posted, in their order, empty ones too."""
    numbered = {name.partition(".")[2]: text for name, text in posted.items() if name.startswith(f"{INSURERS}.")}
    rows = {place: text for number, text in numbered.items() if (place := parse_number(number)) is not None}
    return [rows[place] for place in sorted(rows)]


def change_rows(posted: Mapping[str, str], do: str) -> tuple[Values, int]:
    """Insurance companies after a row was added or taken away, and how many rows there are now, an empty one too."""
    rows = read_rows(posted)
    verb, _, number = do.partition(".")
    if verb == "remove" and (place := parse_number(number)) is not None:
        rows[place : place + 1] = []
    kept = _fold_rows(rows)
    count = min(max(1, len(kept) + (verb == "add")), MOST_INSURERS)
    return {f"{INSURERS}.{number}": row for number, row in enumerate(kept)}, count


def _fold_rows(rows: Iterable[str]) -> tuple[str, ...]:
    """What is in the rows, each company once."""
    return fold_insurers(row for row in rows if row)


def _walk(answers: Mapping[str, str]) -> FormWalk[FormStep]:
    return FormWalk(list_steps(answers), answers, find_faults(answers))
