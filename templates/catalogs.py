"""The Spanish of every English sentence, from the gettext catalogs in locale/; it knows no templates and no codes."""

from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from templates.exchange import fill_marks

LOCALE = Path(__file__).parent / "locale"
LANGUAGES = ("en", "es")

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

    def gettext(self, message: str) -> str:
        return fill_marks(super().gettext(message), self.language)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return fill_marks(super().ngettext(msgid1, msgid2, n), self.language)


@cache
def load_translations(language: str) -> NullTranslations:
    """The catalog of a language, read from its .po; English is what templates and code say themselves."""
    if language == "en":
        return _English()
    with (LOCALE / language / "LC_MESSAGES" / "messages.po").open("rb") as source:
        catalog = read_po(source, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    found = _Translated(compiled)
    found.language = language
    return found


def translate(sentence: str, language: str, **details: str) -> str:
    """An English sentence in the reader's language, its {places} filled in afterwards."""
    found = load_translations(language).gettext(sentence)
    return found.format_map(details) if details else found


def N_(sentence: str) -> str:  # noqa: N802 gettext's own name for it
    """Marks a sentence for the catalogs where it is written; it is translated where it is shown."""
    return sentence
