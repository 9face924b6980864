"""Why not, and what is wrong, in the reader's language; what is refused, and why, is the domain's."""

from collections.abc import Iterable, Mapping
from datetime import date

from db.reads.pending import HeldEvent
from domain.shared.cases.reasons import Coded
from domain.shared.ids import drop_staff_mark
from templates.catalogs import translate
from templates.dates import format_day
from templates.labels import FILTERS, find_label

# The labels of those details of reasons that are codes, one or several; others are said as they are.
_LABELS = {"checks": "check", "stage": "staff_stage", "list": "federal_list"}
_DAYS = frozenset({"last_day"})  # details that are days


def explain_reason(why: Coded, language: str) -> str:
    """A reason or a fault in the reader's language, with the codes among its details replaced by their labels."""
    details = {name: _name_detail(name, text, language) for name, text in why.details.items()}
    return translate(why.template, language, **details)


def explain_notes(held: Iterable[HeldEvent], language: str) -> dict[int, str]:
    """Why held events have no effect, by their numbers; what has no code stays as it was noted."""
    return {one.id: explain_reason(one.reason, language) if one.reason else one.note for one in held if one.note}


def name_code(name: str, code: str, language: str) -> str:
    """A value by its label; one that has none, of another release or a person's name, as it is."""
    if name == "actor" and (person := drop_staff_mark(code)) != code:
        return person
    return find_label(name, code, language) if code in FILTERS[name] else code


def name_actor(actor: str, names: Mapping[str, str], language: str) -> str:
    """Who did something: somebody of staff by their name among ``names``, everybody else by their label."""
    return names.get(actor) or name_code("actor", actor, language)


def _name_detail(name: str, text: str, language: str) -> str:
    """A detail by its label where it is a code; anything else, such as a person's name, as it is."""
    if name in _DAYS:
        return format_day(language, date.fromisoformat(text))
    label = _LABELS.get(name)
    return ", ".join(name_code(label, code, language) for code in text.split(", ")) if label else text
