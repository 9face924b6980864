"""Addresses of our own pages: what stands after the question mark."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.datastructures import URL

_LONGEST_QUERY = 1000


def build_query(**values: str | None) -> str:
    """The query of an address, with its question mark; empty values are left out, and nothing is left of none."""
    given = {name: value for name, value in values.items() if value}
    return f"?{urlencode(given)}" if given else ""


def parse_query(query: str) -> dict[str, str]:
    """What a query says, with or without its question mark; what stands there twice counts once."""
    return dict(parse_qsl(query.removeprefix("?"), max_num_fields=20)) if len(query) <= _LONGEST_QUERY else {}


def strip_origin(url: URL) -> str:
    """The path and query of an address of ours, to come back to it."""
    return f"{url.path}?{url.query}" if url.query else url.path


def set_language(url: str, language: str) -> str:
    """The same page in another language: the address with its `lang` set."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "lang"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("lang", language)])))


def find_local_address(url: object, under: str, otherwise: str) -> str:
    """An address of ours under a path; anything else is ``otherwise``, lest a sign-in lead to any site."""
    asked = urlsplit(url) if isinstance(url, str) and len(url) <= 2000 and "\\" not in url else None
    if asked is None or asked.scheme or asked.netloc or not (asked.path + "/").startswith(f"{under}/"):
        return otherwise
    return asked.geturl()
