"""The steps of the request form: what each asks of whom, and how far a draft has come; no routes, and no rule.

domain/state/request.py decides what is right: a step's faults are those of the whole request in the step's own fields.
"""

from collections.abc import Mapping
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
        """As of every step; the rows of insurance companies are one answer, without one that is to be taken away."""
        if self.slug == INSURERS:
            return {INSURERS: "\n".join(_change_rows(posted))}
        return super().pick_answers(posted)

    def count_rows(self, posted: Mapping[str, str]) -> str:
        """How many rows of insurance companies are shown next, an empty one too, once one is added or taken away."""
        do = posted.get("do", "") if self.slug == INSURERS else ""
        count = len(_change_rows(posted)) + (do.partition(".")[0] == "add")
        return str(min(max(1, count), MOST_INSURERS)) if do else ""


@dataclass(frozen=True)
class RequestWalk(FormWalk[FormStep]):
    """The steps of a request, which end with the first questions while their answers lead elsewhere."""

    def find_first_open(self) -> FormStep | None:
        """The first step that is not answered, has a fault or leads elsewhere; None where the request is complete."""
        return self.steps[0] if find_detour(self.answers) else super().find_first_open()


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


def walk_request(answers: Mapping[str, str]) -> RequestWalk:
    """The request so far; until a kind is chosen, the first step alone."""
    return RequestWalk(list_steps(answers), answers, find_faults(answers))


def _read_rows(posted: Mapping[str, str]) -> list[str]:
    """The rows of insurance companies in what was posted, in their order, empty ones too."""
    numbered = {name.partition(".")[2]: text for name, text in posted.items() if name.startswith(f"{INSURERS}.")}
    rows = {place: text for number, text in numbered.items() if (place := parse_number(number)) is not None}
    return [rows[place] for place in sorted(rows)]


def _change_rows(posted: Mapping[str, str]) -> tuple[str, ...]:
    """Insurance companies as they were posted, each once, without the row that is to be taken away."""
    rows = _read_rows(posted)
    verb, _, number = posted.get("do", "").partition(".")
    if verb == "remove" and (place := parse_number(number)) is not None:
        rows[place : place + 1] = []
    return fold_insurers(row for row in rows if row)
