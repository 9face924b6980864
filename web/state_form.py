"""The state's Certification Request Form as a document: asked for in web/public/request, corrected in web/assister.

It stands beside the rooms because both need it; what is right in it is for domain/state/request.py to say.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from domain.shared.agreements import Agreement
from domain.shared.documents.faults import Fault
from domain.shared.exchange import find_state_exchange
from domain.shared.programs import STATE_PROGRAM
from domain.state.agreements import AGREEMENT_NAME, AGREEMENTS, CONSENT_NAME, CONSENT_TEXTS
from web.http.forms import FormShape, Values

SHAPE = FormShape(lines=frozenset({"insurers"}), ticks=frozenset({"agreement_accepted", "background_check_consent"}))
# Ticked where the physical address is the business address, and then follows it.
SAME = "physical_same"
ADDRESS_PARTS = ("line1", "line2", "city", "state", "postal_code")
# Which text was on the page, and in which language, by the text's name.
_SHOWN_AS = {AGREEMENT_NAME: "agreement", CONSENT_NAME: "consent"}
SHOWN_TEXTS = tuple(f"{prefix}_{part}" for prefix in _SHOWN_AS.values() for part in ("version", "language"))
# A box that isn't ticked is not posted at all, and no page asks for the state of the licence: it is the exchange's.
_UNSAID: dict[str, dict[str, Any]] = {
    "agent": {"agreement_accepted": False},
    "broker": {"agreement_accepted": False},
    "enrollment_counselor": {"background_check_consent": False},
}
_MAY_BE_EMPTIED = ("addressed_as", "business_address.line2", "physical_address.line2", "employer.name")


def read_document(values: Mapping[str, str]) -> dict[str, Any]:
    """The document that filled fields stand for; an agreement counts only with the text in force before the reader.

    So does a consent.
    """
    document = SHAPE.read_document({name: text for name, text in values.items() if name not in SHOWN_TEXTS})
    if document.get("agreement_accepted") is True and not shows_agreement_in_force(values):
        del document["agreement_accepted"]
    if document.get("background_check_consent") is True and not shows_consent_in_force(values):
        del document["background_check_consent"]
    return document


def read_request(values: Mapping[str, str]) -> dict[str, Any]:
    """The certification request a form stands for, with what it leaves unsaid: unticked boxes, the licence's state."""
    kind = values.get("kind", "")
    state = {"license_state": find_state_exchange().state_code} if kind in ("agent", "broker") else {}
    return {**state, **_UNSAID.get(kind, {}), **read_document(values)}


def list_values(document: Mapping[str, Any]) -> Values:
    """What a form shows of a document."""
    return SHAPE.list_values(document)


def copy_same_address(values: Mapping[str, str]) -> Values:
    """A form's fields with the business address for a physical one that is said to be the same."""
    business = {part: f"business_address.{part}" for part in ADDRESS_PARTS}
    if not values.get(SAME) or business["line1"] not in values:
        return dict(values)
    return {**values, **{f"physical_address.{part}": values.get(name, "") for part, name in business.items()}}


def mark_same_address(document: Mapping[str, Any]) -> Values:
    """The tick, where a document has one address for both."""
    business = document.get("business_address")
    is_given = bool(business and business.get("line1"))
    return {SAME: "true"} if is_given and business == document.get("physical_address") else {}


def drop_copied_faults(values: Mapping[str, str], faults: Iterable[Fault]) -> list[Fault]:
    """Faults without those of an address that is the same as another, which has them itself."""
    found = list(faults)
    at_business = {one.field.partition(".")[2] for one in found if one.field.startswith("business_address")}
    copied = {f"physical_address.{part}".rstrip(".") for part in at_business} if values.get(SAME) else set()
    return [one for one in found if one.field not in copied]


def find_changes(form: Mapping[str, str], before: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """What a form changes in a document, and the fields that were emptied but may not be.

    A physical address that was the same and is typed anew counts as typed: a browser that can't hide it shows it.
    """
    old = list_values(before)
    physical = [name for name in form if name.startswith("physical_address.")]
    is_typed = bool(mark_same_address(before)) and any(form[name] != old.get(name, "").strip() for name in physical)
    copied = form if is_typed else copy_same_address(form)
    values = {name: text for name, text in copied.items() if name != SAME}
    changed = {name: text for name, text in values.items() if text != old.get(name, "").strip()}
    emptied = [name for name, text in changed.items() if not text]
    changes = read_document(changed)
    for name in emptied:
        head, _, rest = name.partition(".")
        if name in _MAY_BE_EMPTIED and not rest:
            changes[name] = ""
        elif name in _MAY_BE_EMPTIED:
            changes[head] = {**changes.get(head, {}), rest: None}
    return changes, [Fault(name, "required") for name in emptied if name not in _MAY_BE_EMPTIED]


def shows_agreement_in_force(values: Mapping[str, str]) -> bool:
    """Whether the agreement the reader had before them is the one in force."""
    return _is_in_force(AGREEMENTS.get((STATE_PROGRAM, values.get("agreement_language", ""))), values, "agreement")


def shows_consent_in_force(values: Mapping[str, str]) -> bool:
    """Whether what the reader was told of the background check is the text in force."""
    return _is_in_force(CONSENT_TEXTS.get(values.get("consent_language", "")), values, "consent")


def _is_in_force(text: Agreement | None, values: Mapping[str, str], prefix: str) -> bool:
    return text is not None and text.version == values.get(f"{prefix}_version")


def list_shown_texts(values: Mapping[str, str]) -> dict[str, str]:
    """The languages in which a form has shown its texts, by the texts' names."""
    return {name: shown for name, prefix in _SHOWN_AS.items() if (shown := values.get(f"{prefix}_language"))}
