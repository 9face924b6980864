"""The Spanish of every English sentence, from the gettext catalogs in locale/; it knows no templates and no codes."""

import re
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from templates.exchange import fill_marks

# Words in a translation that are one of several, by how the reader is spoken of.
_FORMS = re.compile(r"\[([^][|]*(?:\|[^][|]*){2,3})\]")

LOCALE = Path(__file__).parent / "locale"
LANGUAGES = ("en", "es")

# How Spanish speaks of its reader, where they have said so; see `domain.shared.applicant`.
FORMS_OF_ADDRESS = ("masculine", "feminine", "neutral")
# A language, and where its reader has said how it is to speak of them, that besides.
VOICES = (*LANGUAGES, *(f"es-{form}" for form in FORMS_OF_ADDRESS))

# How each language writes dates, times and numbers.
LOCALES = {"en": "en_US", "es": "es_US"}


class _English(NullTranslations):
    """What templates and code say themselves, with the words of the exchange in force."""

    def gettext(self, message: str) -> str:
        return fill_marks(message, "en")

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return fill_marks(super().ngettext(msgid1, msgid2, n), "en")


class _Translated(GNUTranslations):
    """A catalog, with the words of the exchange in force in its language."""

    language = ""
    addressed_as = ""

    def gettext(self, message: str) -> str:
        return fill_marks(choose_form(super().gettext(message), self.addressed_as), self.language)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return fill_marks(choose_form(super().ngettext(msgid1, msgid2, n), self.addressed_as), self.language)


def name_voice(language: str, addressed_as: str) -> str:
    """How somebody is spoken to: the language alone where it makes no difference, or they have not said."""
    voice = f"{language}-{addressed_as}"
    return voice if voice in VOICES else language


def choose_form(sentence: str, addressed_as: str) -> str:
    """A sentence with one of the forms of each word in it that has several: [masculine|feminine|neutral|usual].

    Without the last, the neutral form is the usual one, for whoever has not said how they are to be spoken of.
    """
    if "|" not in sentence:
        return sentence
    at = FORMS_OF_ADDRESS.index(addressed_as) if addressed_as in FORMS_OF_ADDRESS else -1
    return _FORMS.sub(lambda found: found[1].split("|")[at], sentence)


@cache
def load_translations(voice: str) -> NullTranslations:
    """The catalog of a language, read from its .po, as it speaks to a reader (`VOICES`).

    English is what templates and code say themselves.
    """
    language, _, addressed_as = voice.partition("-")
    if language == "en":
        return _English()
    with (LOCALE / language / "LC_MESSAGES" / "messages.po").open("rb") as source:
        catalog = read_po(source, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    found = _Translated(compiled)
    found.language, found.addressed_as = language, addressed_as
    return found


def translate(sentence: str, language: str, **details: str) -> str:
    """An English sentence in the reader's language, its {places} filled in afterwards; a voice is a language too."""
    found = load_translations(language).gettext(sentence)
    return found.format_map(details) if details else found


def N_(sentence: str) -> str:  # noqa: N802 gettext's own name for it
    """Marks a sentence for the catalogs where it is written; it is translated where it is shown."""
    return sentence
