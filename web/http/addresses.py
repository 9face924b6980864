"""Addresses of our own pages: what stands after the question mark."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit


def build_query(**values: str | None) -> str:
    """The query of an address, with its question mark; empty values are left out, and nothing is left of none."""
    given = {name: value for name, value in values.items() if value}
    return f"?{urlencode(given)}" if given else ""


def set_language(url: str, language: str) -> str:
    """The same page in another language: the address with its `lang` set."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "lang"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("lang", language)])))
