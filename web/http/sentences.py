"""What was said or noted in plain English, in the reader's language; what is refused, and why, is the domain's."""

from collections.abc import Iterable

from db.reads.pending import Held
from domain.shared.reasons import SENTENCES, Reason, recognized
from templates.catalogs import translate
from templates.labels import FILTERS, find_label
from templates.staff_labels import NOTES


def explain(reason: Reason, language: str) -> str:
    """A reason in the reader's language."""
    shown = {name: _shown(name, text, language) for name, text in reason.details.items()}
    return translate(SENTENCES[reason.code], language, **shown)


def explain_notes(held: Iterable[Held], language: str) -> dict[int, str]:
    """Why held events have no effect, by their numbers; what has no code stays as it was noted."""
    return {one.id: explain(one.reason, language) if one.reason else one.note for one in held if one.note}


def in_words(said: str, language: str) -> str:
    """A sentence of a refusal; what no table of ours knows stays as it was said."""
    found = recognized(said)
    return translate(NOTES.get(said, said), language) if found is None else explain(Reason(*found), language)


def called(name: str, code: str, language: str) -> str:
    """A value by its label; one that has none, of another release or a person's name, as it is."""
    return find_label(name, code, language) if code in FILTERS[name] else code


def _shown(name: str, text: str, language: str) -> str:
    """A detail as it is called; who it was keeps the name."""
    if name == "checks":
        return ", ".join(called("check", check, language) for check in text.split(", "))
    return called("staff_stage", text, language) if name == "stage" else text
