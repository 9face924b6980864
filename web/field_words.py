"""What people are told of a fault in what they typed, in words of its field; which faults there are is the domain's.

It stands beside the rooms because the forms of both programs, and one's own pages, say it alike. Staff, who are told
of other people's fields, have sentences of their own.
"""

from collections.abc import Iterable
from typing import Any

from domain.shared.documents.faults import Fault
from domain.shared.documents.zip_codes import ZipDoubt
from templates.catalogs import N_, translate
from templates.states import name_state
from web.http.sentences import explain_reason, name_code

_STREET = N_("Enter the street and number.")
_CITY = N_("Enter the city.")
_STATE = N_("Choose the state from the list.")
_ZIP = N_("Enter the ZIP code.")
# Of a field that is missing, or that holds none of what there is to choose from.
_LACKS = frozenset({"required", "required_of_role", "choice"})

# What is asked for there.
MISSING: dict[str, str] = {
    "kind": N_("Choose whether you are an agent, a broker or an enrollment counselor."),
    "experience": N_("Choose whether you have been certified by [exchange] before."),
    "work_state": N_("Choose the state that you work from."),
    "first_name": N_("Enter your first name."),
    "last_name": N_("Enter your last name."),
    "email": N_("Enter your e-mail address."),
    "phone": N_("Enter your phone number."),
    "npn": N_("Enter your National Producer Number (NPN)."),
    "license_number": N_("Enter the number of your [state] license."),
    "insurers": N_("Enter the name of an insurance company you represent."),
    "business_address": N_("Enter your business address."),
    "physical_address": N_("Enter your physical address."),
    "employer": N_("Enter your employer."),
    "employer.kind": N_("Choose what kind of employer you have."),
    "employer.name": N_("Enter the name of your employer."),
    "role": N_("Choose your role."),
    "markets": N_("Choose at least one market."),
    "business_contact": N_("Enter how one can reach your business."),
    "business_contact.email": N_("Enter the e-mail address of your business."),
    "business_contact.phone": N_("Enter the phone number of your business."),
    "business_contact.address": N_("Enter the address of your business."),
    "professional_contact": N_("Enter how consumers can reach you."),
    "professional_contact.email": N_("Enter the e-mail address at which consumers can reach you."),
    "professional_contact.phone": N_("Enter the phone number at which consumers can reach you."),
    "curriculum": N_("Choose a course."),
    "channel": N_("Choose where you take the course."),
    "message": N_("Write your answer."),
    "grounds": N_("Write why you appeal."),
    "dispute": N_("Write what is wrong in the report."),
    "file": N_("Choose a file."),
}
# The parts of an address, whichever it is.
MISSING_PARTS: dict[str, str] = {"line1": _STREET, "city": _CITY, "state": _STATE, "postal_code": _ZIP}
# Other sentences that a reader of the form's pages would not understand as the documents of the API put them.
OTHERWISE: dict[tuple[str, str], str] = {
    ("work_state", "state"): N_("Choose the state that you work from."),
    ("markets", "too_short"): MISSING["markets"],
    ("employer.name", "employer_name"): N_("Enter the name of your employer. Only [exchange] itself needs no name."),
    ("insurers", "one_insurer"): N_(
        "An agent represents one insurance company. Name one only, or change your request to that of a broker."
    ),
    ("agreement_accepted", "agreement"): N_(
        "Tick the box to accept the agreement. Without it we can't certify an agent or a broker."
    ),
    ("background_check_consent", "consent"): N_(
        "Tick the box to consent to the background check. Without it we can't certify an enrollment counselor."
    ),
}


ZIP_DOUBT = N_(
    "The ZIP code {postal_code} is one of {others}, and the state is {state}. Please look at both again; if they are "
    "right, leave them as they are."
)


def word_zip_doubts(doubts: Iterable[ZipDoubt], language: str) -> list[dict[str, Any]]:
    """The question about each ZIP code of another state: {field, label, message}, ``label`` says which address."""
    return [
        {
            "field": doubt.field,
            "label": name_code("field", doubt.field.partition(".")[0], language),
            "message": translate(
                ZIP_DOUBT,
                language,
                postal_code=doubt.postal_code,
                others=", ".join(name_state(language, one) for one in doubt.others),
                state=name_state(language, doubt.state),
            ),
        }
        for doubt in doubts
    ]


def word_faults(faults: Iterable[Fault], language: str) -> list[dict[str, Any]]:
    """Faults as the pages show them: {field, message, named}, ``named`` where the message says which field it is."""
    return [_word_fault(fault, language) for fault in faults]


def _word_fault(fault: Fault, language: str) -> dict[str, Any]:
    own = OTHERWISE.get((fault.field, fault.code))
    _, dot, part = fault.field.rpartition(".")
    if fault.code in _LACKS:
        own = MISSING.get(fault.field) or (MISSING_PARTS.get(part) if dot else None)
    elif dot and part == fault.code == "state":
        own = _STATE
    message = translate(own, language) if own else explain_reason(fault, language)
    return {"field": fault.field, "message": message, "named": own is not None}
