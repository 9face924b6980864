"""Faults in what somebody sent: which field, which rule, and a plain English sentence."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field as dataclass_field
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from domain.shared.cases.reasons import Coded

SENTENCES: dict[str, str] = {
    "required": "This field is required.",
    "unknown_field": "This field is not part of the form; remove it.",
    "choice": "Choose one of: {choices}.",
    "text": "Enter text.",
    "no_delivery_report": "This message is no report of a letter that came back; send such a report whole, as it came.",
    "too_short": "This is too short: at least {limit} characters or entries.",
    "too_long": "This is too long: at most {limit} characters or entries.",
    "number": "Enter a whole number.",
    "yes_or_no": "Answer true or false.",
    "object": "Send an object with named fields.",
    "list": "Send a list.",
    "npn": "Enter the National Producer Number: up to ten digits.",
    "email": "Enter an e-mail address, such as name@example.com.",
    "email_letters": "Enter another e-mail address: our mail server doesn't carry accents and other letters before "
    "the @.",
    "code_wrong": "This is not the code; look at the newest letter with a code and type its six digits.",
    "code_expired": "This code is too old; have a new one sent.",
    "code_spent": "This code can't be used any more; have a new one sent.",
    "code_not_asked": "No code was asked for in this browser; have one sent here.",
    "same_address": "This is the address that you have now; enter the new one.",
    "address_shared": "Somebody else goes by this address here; say that they share it, or ask the assister for "
    "another one.",
    "address_taken": "Somebody is known here by this address already; if that is you, sign in with it, or contact us.",
    "address_in_other_state": "An address in another state may matter for your eligibility; please contact us.",
    "address_unconfirmed": "Change your e-mail address on your own pages first, where a code is sent to it.",
    "code_too_often": "You have asked for codes too often; use the newest one you got, or wait an hour.",
    "phone": "Enter a phone number with 10 to 15 digits.",
    "state": "Enter a two-letter state code, such as [state code].",
    "postal_code": "Enter a ZIP code, such as 87501 or 87501-1234.",
    "license_state": "A license of [state] is needed, resident or nonresident: enter [state code].",
    "person_name": "Write a person's name: letters, spaces, apostrophes, hyphens and full stops; who has one name "
    "alone writes - for the other.",
    "name_letters": "Write the name as a certificate can show it, in Latin, Greek or Cyrillic letters.",
    "one_insurer": "An agent represents exactly one insurer; name one, or apply as a broker.",
    "agreement": "Accept the agreement with the exchange to go on.",
    "consent": "Consent to the background check to go on.",
    "consent_anew": "A new name or e-mail address needs a new background check; consent to it to go on.",
    "employer_name": "Name the employer, unless it is the exchange.",
    "no_policy": "There is no certification policy for this program and plan year.",
    "window_not_open": "Certification for this plan year has not opened yet.",
    "window_closed": "Certification for this plan year has closed.",
    "intake_scope": "New agents and brokers must be located in [state], or have both a business and a "
    "physical address in the states that are let in.",
    "file_too_large": "“{name}” has {size} MB, and a file may have {limit} MB at most. Take the photo in a smaller "
    "size, or send the document in parts.",
    "form_too_large": "The files have {size} MB together, and {limit} MB at most can be sent at a time. Send fewer of "
    "them now, and the others after that.",
    "file_empty": "“{name}” is empty. Choose the file again, or take a new photo.",
    "file_kind": "“{name}” is not a whole PDF, PNG or JPEG file, or something else is in it too. Save it as one of "
    "these, or take a photo of the document and send that.",
    "files_full": "“{name}” could not be taken: there are {most} files already. Say the rest in words.",
    "file_upload": "Send one file, and the other fields, as a form with a file (multipart/form-data).",
    "in_future": "Give a day that isn't after today.",
    "before_decision": "Give a day that isn't before the decision.",
    "control_characters": "Remove line breaks and control characters.",
    "control_characters_in_text": "Remove control characters; line breaks may stay.",
    "field_not_askable": "A question can't name the field {name}: the form has no such field, or an answer can't "
    "change it.",
    "fields_without_question": "Only a question names fields; leave them out to approve or deny.",
    "not_changeable": "This field can't be changed in an answer; submit a new request instead.",
    "identity_taken": "This NPN or e-mail belongs to another person's case.",
    "row_of_other": "Row {row}, the first being 0, has the same NPN or address for a person of another name or e-mail "
    "address; correct one of the two.",
    "year_contradicts": "This contradicts {other} in the same file; correct one of the two.",
    "year_impossible": "This is true and {needed} is false, which can't both be; correct one of them.",
    "row_contradicts": "Row {row} of the same file says otherwise of this person; correct one of the two.",
    "cell_count": "This row has {cells} cells, and the first one of the file has {columns}; look for a missing "
    "quotation mark or separator.",
    "column_unknown": "There is no such column; rename it or take it out.",
    "column_twice": "This column is there twice; keep one.",
    "column_missing": "This column is missing; add it.",
    "too_many_rows": "The file has too many rows: at most {limit}; send it in parts.",
    "not_utf8": "The file is not in UTF-8; save it as *CSV UTF-8* and send it again.",
    "no_csv": "Row {row} can't be read as CSV; look for a missing quotation mark, or a cell that is very long.",
    "known_otherwise": "The person known by this NPN or e-mail address has another name or e-mail address; nothing of "
    "the record is taken until staff have looked at it.",
    "year_known_otherwise": "What is known of this year is otherwise; nothing of the record is taken until staff have "
    "looked at it.",
    "score": "Send the score as a number between 0 and 1 (scaled), or raw and max.",
    "mismatch": "This does not match the case or its policy.",
    "timestamp": "Send a date and time with its time zone, such as 2026-11-21T17:00:00Z.",
    "uuid": "Send a UUID.",
    "day": "Enter a date, such as 2026-12-31.",
    "day_past": "This day is past; enter today or a later day.",
    "day_too_late": "The policy allows no later day than {last}; enter one until then.",
    "json": "Send one JSON document in UTF-8.",
    "csv": "Send one CSV in UTF-8 as the whole body, with the media type text/csv.",
    "no_single_case": "No case, or more than one, fits this person and activity; staff have to say whose it is.",
    "forbidden": "The sender's credential is not for this.",
    "not_understood": "This combination of verb and activity is not one we act on.",
    # of the federal program (B5–B16)
    "npn_required": "Enter your National Producer Number; only the role Not an Agent Broker needs none.",
    "required_of_role": "Your role needs this field; fill it in.",
    "verify_first": "Check your role and contact information, and say that you have.",
    "npn_unknown": "The license registry doesn't know this NPN; check the number.",
    "npn_of_firm": "This NPN is a firm's; enter your own individual NPN here.",
    "npn_no_health_line": "The license registry lists no health line of authority under this NPN; "
    "have it added to your license, then save your profile again.",
    "npn_other_name": "This NPN is registered under another name; check the number and the spelling of your name.",
    "npn_of_individual": "This is an individual's NPN; enter the NPN of the business or web-based entity, or leave it "
    "empty. Issuers may deny compensation or credit for consumers you help with a wrong or copied NPN.",
    "npn_copied": "The same NPN stands in another field; individual, business and web-based entity have NPNs of their "
    "own. Issuers may deny compensation or credit for consumers you help with a wrong or copied NPN.",
    "no_formula": "Begin this with a letter or a digit, not with a sign.",
    "website": "Enter a web address, such as https://www.example.com.",
    "not_approved": "HHS has not approved this vendor for this course; choose one of: {channels}.",
    "no_launch": "Only training vendors are opened with a launch ticket; open the MLMS by its own link.",
    "ticket_unknown": "This launch ticket is not known; open the training from the portal again.",
    "ticket_used": "This launch ticket was used already; open the training from the portal again.",
    "ticket_expired": "This launch ticket has expired; open the training from the portal again.",
    "ticket_not_redeemed": "This launch ticket was never used to open the training.",
    "another_text": "This is not the text that was opened; open the agreement again and read it to the end.",
    "read_to_the_end": "Read the agreement to its end, then agree.",
    "second_account": "There is an account for this person already; don't open a second one, sign in to it by a "
    "code to its e-mail address instead.",
    "invalid": "This value can't be understood; correct it.",
}

_FROM_PYDANTIC = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "enum": "choice",
    "literal_error": "choice",
    "union_tag_invalid": "choice",
    "union_tag_not_found": "required",
    "string_type": "text",
    "string_too_short": "too_short",
    "too_short": "too_short",
    "string_too_long": "too_long",
    "too_long": "too_long",
    "date_type": "day",
    "date_parsing": "day",
    "date_from_datetime_parsing": "day",
    "date_from_datetime_inexact": "day",
    "int_type": "number",
    "int_parsing": "number",
    "int_from_float": "number",
    "bool_type": "yes_or_no",
    "bool_parsing": "yes_or_no",
    "model_type": "object",
    "model_attributes_type": "object",
    "dict_type": "object",
    "list_type": "list",
    "tuple_type": "list",
    "uuid_parsing": "uuid",
    "uuid_type": "uuid",
    "datetime_type": "timestamp",
    "datetime_parsing": "timestamp",
    "datetime_from_date_parsing": "timestamp",
    "timezone_aware": "timestamp",
}


@dataclass(frozen=True)
class Fault(Coded):
    """One thing wrong with what was sent: the dotted path of the field, and what is wrong and what to do, in a code."""

    sentences = SENTENCES
    field: str
    code: str
    details: Mapping[str, str] = dataclass_field(default_factory=dict, hash=False)


class Invalid(Exception):
    """What was sent can't be taken; carries every fault, never the values."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.field}: {fault.sentence()}" for fault in self.faults))


def dump_faults(faults: Iterable[Fault]) -> list[list[Any]]:
    """As they are stored: field and code, and the details of those that have some; never the values."""
    return [[one.field, one.code, *([dict(one.details)] if one.details else [])] for one in faults]


def load_faults(stored: Iterable[Sequence[Any]]) -> list[Fault]:
    """Faults as they were stored."""
    return [Fault(*one) for one in stored]


def _code_error(error: ErrorDetails) -> tuple[str, dict[str, str]]:
    context: Mapping[str, object] = error.get("ctx") or {}
    if error["type"] in SENTENCES and error["type"] not in _FROM_PYDANTIC:
        return error["type"], {}
    code = _FROM_PYDANTIC.get(error["type"], "invalid")
    if code == "choice":
        choices = str(context.get("expected") or context.get("expected_tags") or "")
        return code, {"choices": choices.replace("'", "").replace(" or ", ", ")}
    if code in ("too_short", "too_long"):
        limit = context.get("min_length", context.get("max_length", ""))
        return code, {"limit": str(limit)}
    return code, {}


def list_faults(error: ValidationError, drop: frozenset[str] = frozenset()) -> list[Fault]:
    """Pydantic's errors as our faults; path steps in ``drop`` (tags of unions) are left out of the field's name."""
    faults = []
    for one in error.errors(include_url=False, include_input=False):
        code, details = _code_error(one)
        path = ".".join(str(step) for step in one["loc"] if step not in drop)
        faults.append(Fault(path or "body", code, details))
    return faults
