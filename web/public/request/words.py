"""What the request form says of a fault, in words of its field; which faults there are is the domain's."""

from collections.abc import Iterable

from domain.shared.documents.faults import Fault
from templates.catalogs import N_, translate
from web.http.sentences import explain_reason

_STREET = N_("Enter the street and number.")
_CITY = N_("Enter the city.")
_STATE = N_("Choose the state from the list.")
_ZIP = N_("Enter the ZIP code.")

# What is asked for where it is missing, or none of what there is to choose from.
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
    "business_address.line1": _STREET,
    "business_address.city": _CITY,
    "business_address.state": _STATE,
    "business_address.postal_code": _ZIP,
    "physical_address.line1": _STREET,
    "physical_address.city": _CITY,
    "physical_address.state": _STATE,
    "physical_address.postal_code": _ZIP,
    "employer.kind": N_("Choose what kind of employer you have."),
    "employer.name": N_("Enter the name of your employer."),
}
# Other sentences that a reader of the form's pages would not understand as the documents of the API put them.
OTHERWISE: dict[tuple[str, str], str] = {
    ("work_state", "state"): N_("Choose the state that you work from."),
    ("business_address.state", "state"): _STATE,
    ("physical_address.state", "state"): _STATE,
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


def word_faults(faults: Iterable[Fault], language: str) -> list[dict[str, object]]:
    """Faults as the pages show them; ``named`` where the sentence itself says which field it is about."""
    return [_word_fault(fault, language) for fault in faults]


def _word_fault(fault: Fault, language: str) -> dict[str, object]:
    own = OTHERWISE.get((fault.field, fault.code))
    if fault.code in ("required", "choice"):
        own = MISSING.get(fault.field)
    message = translate(own, language) if own else explain_reason(fault, language)
    return {"field": fault.field, "message": message, "named": own is not None}
