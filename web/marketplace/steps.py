"""The steps of the request to register, and of the MLMS profile: what each asks of whom; no routes, and no rule (B5).

domain/federal/profile.py decides what is right: a step's faults are those of the whole form in the step's own fields.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from domain.federal.markets import Market, Role
from domain.federal.profile import NPN_FIELDS, REQUIRED, parse_profile, parse_registration
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.programs import FEDERAL_PROGRAM
from templates.catalogs import N_
from web.form_steps import FormPart, FormWalk
from web.http.forms import Values
from web.marketplace.form import FIELDS, SHAPE, collect_changes, read_role, sort_faults

_OF_CONTACT = (
    "name",
    "email",
    "phone",
    *(f"address.{part}" for part in ("line1", "line2", "city", "state", "postal_code")),
    "website",
    "languages",
)
BUSINESS, PROFESSIONAL = "business_contact", "professional_contact"

ROLE = FormPart("role", N_("Your role"), ("role",))
ROLE_AND_MARKETS = FormPart("role", N_("Role and markets"), ("role", *(f"markets.{market}" for market in Market)))
PERSON = FormPart("person", N_("About you"), ("first_name", "last_name", "email", "phone", "language", "addressed_as"))
NPNS = FormPart("npn", N_("National Producer Numbers (NPN)"), NPN_FIELDS)
BUSINESS_CONTACT = FormPart(
    "business-contact", N_("Business contact"), tuple(f"{BUSINESS}.{part}" for part in _OF_CONTACT)
)
PROFESSIONAL_CONTACT = FormPart(
    "professional-contact", N_("Professional contact"), tuple(f"{PROFESSIONAL}.{part}" for part in _OF_CONTACT)
)
# The page of each step, by its address; both contacts are asked alike.
TEMPLATES = {
    "role": "portal/role.html",
    "person": "portal/person.html",
    "npn": "portal/npn.html",
    "business-contact": "portal/contact.html",
    "professional-contact": "portal/contact.html",
}
# Not asked in a step of its own.
_OF_REQUEST = ("program", "plan_year", "markets")


def walk_request(answers: Mapping[str, str]) -> FormWalk[FormPart]:
    """The request so far; until a role is chosen, the first step alone."""
    steps = (ROLE_AND_MARKETS, *_list_of_role(answers)) if answers.get("role") in tuple(Role) else (ROLE_AND_MARKETS,)
    return FormWalk(steps, answers, _find_request_faults(answers))


def walk_profile(saved: Mapping[str, Any], known: Mapping[str, str], changed: Mapping[str, str]) -> FormWalk[FormPart]:
    """The profile as it would be saved: what is ``known``, with what was ``changed`` over it.

    ``saved`` is the stored document that a save is laid over.
    """
    answers = {**known, **changed}
    steps = (ROLE, *_list_of_role(answers))
    asked = {name: "" for step in steps for name in step.fields}
    return FormWalk(steps, {**asked, **answers}, _find_profile_faults(saved, answers))


def build_request(answers: Mapping[str, str]) -> dict[str, Any]:
    """The request so far, as a document: without the answers given for another role before."""
    asked = {*FIELDS[_read_role(answers)], *_OF_REQUEST}
    given = {name: text for name, text in answers.items() if name.partition(".")[0] in asked}
    return SHAPE.read_document({**given, "program": FEDERAL_PROGRAM})


def list_field_ids(step: FormPart) -> list[str]:
    """What the page of a step calls its fields, groups before what is in them; for its summary of faults."""
    heads = dict.fromkeys(name.partition(".")[0] for name in step.fields)
    addresses = [f"{head}.address" for head in heads if head in (BUSINESS, PROFESSIONAL)]
    # Of a list of boxes the first has the list's own id.
    return [*heads, *addresses, *(name for name in step.fields if name.partition(".")[0] not in SHAPE.boxes)]


def keep_one_fault_a_field(faults: Iterable[Fault], fields: Sequence[str]) -> list[Fault]:
    """Faults at the fields of a page, the first one of each: a line of a list is its list's, in the order of forms."""
    kept: dict[str, Fault] = {}
    for fault in sort_faults(faults):
        place = _find_field(fault.field, fields)
        kept.setdefault(place, Fault(place, fault.code, fault.details))
    return sorted(kept.values(), key=lambda fault: fields.index(fault.field) if fault.field in fields else len(fields))


def _find_field(name: str, fields: Sequence[str]) -> str:
    """The field of a page that a fault's name, or the longest beginning of it, stands for."""
    while name not in fields and "." in name:
        name = name.rpartition(".")[0]
    return name


def _list_of_role(answers: Mapping[str, str]) -> tuple[FormPart, ...]:
    if _read_role(answers) is Role.MARKETPLACE_AGENT_BROKER:
        return (PERSON, NPNS, BUSINESS_CONTACT, PROFESSIONAL_CONTACT)
    return (PERSON, PROFESSIONAL_CONTACT)


def _read_role(answers: Mapping[str, str]) -> Role:
    return read_role(answers, Role.MARKETPLACE_AGENT_BROKER)


def _find_request_faults(answers: Mapping[str, str]) -> list[Fault]:
    try:
        parse_registration(build_request(answers))
    except Invalid as invalid:
        return list(invalid.faults)
    return []


def _find_profile_faults(saved: Mapping[str, Any], answers: Values) -> list[Fault]:
    """What keeps the profile from being saved, but for the word that it was checked.

    Of a contact without any answer each field it needs is missing, and not the contact as a whole.
    """
    role = _read_role(answers)
    changes = {**collect_changes(answers, role), "verified": True}
    empty = [name for name in (BUSINESS, PROFESSIONAL) if name in REQUIRED[role] and changes.get(name) is None]
    try:
        parse_profile(saved, {**changes, **{name: {} for name in empty}})
    except Invalid as invalid:
        return [fault for fault in invalid.faults if fault.field not in empty]
    return []
