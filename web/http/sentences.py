"""What was said or noted in plain English, in the reader's language; what is refused, and why, is the domain's."""

from domain.shared.reasons import SENTENCES, recognized
from templates.catalogs import translate
from templates.labels import FILTERS, find_label
from templates.staff_labels import NOTES

_ENDED = "the case had ended: "


def in_words(said: str, language: str) -> str:
    """A sentence of a refusal, or a note of why something is held; what no table of ours knows stays as it was said."""
    if said.startswith(_ENDED):
        return in_words(SENTENCES["case_ended"].format(stage=said.removeprefix(_ENDED)), language)
    found = recognized(said)
    if found is None:
        return translate(NOTES.get(said, said), language)
    code, details = found
    return translate(
        SENTENCES[code], language, **{name: _shown(name, text, language) for name, text in details.items()}
    )


def called(name: str, code: str, language: str) -> str:
    """A value by its label; one that has none, of another release or a person's name, as it is."""
    return find_label(name, code, language) if code in FILTERS[name] else code


def _shown(name: str, text: str, language: str) -> str:
    """A detail as it is called; who it was keeps the name."""
    if name == "checks":
        return ", ".join(called("check", check, language) for check in text.split(", "))
    return called("staff_stage", text, language) if name == "stage" else text
