"""What spreadsheets take for a formula: files of ours are opened in them, with words of others in their cells."""

import unicodedata

_SIGNS = frozenset("=+-@")


def begins_formula(text: str) -> bool:
    """Whether a spreadsheet may compute this text, or send it somewhere, instead of showing it.

    A hyphen alone, which stands for a name that somebody doesn't have, computes nothing.
    It begins with =, +, - or @, also in the full width of East Asian letters, or behind characters that nobody sees:
    some programs skip those.
    """
    if text == "-":
        return False
    first = next((char for char in text if char.isprintable() and not char.isspace()), "")
    return unicodedata.normalize("NFKC", first) in _SIGNS


def quote_formula(text: str) -> str:
    """The text, with an apostrophe before it where it begins a formula: spreadsheets then show it as it is."""
    return f"'{text}" if begins_formula(text) else text
