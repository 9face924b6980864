"""What a request's headers and address ask for: a language, a page or JSON, only what has changed; no routes."""

from collections.abc import Mapping

from fastapi import Request
from starlette.datastructures import Headers

from templates.catalogs import LANGUAGES
from web.http.limits import LANGUAGE_COOKIE, SECURE_PREFIX

FOR_PROGRAMS = ("/api/", "/webhooks/", "/xapi/")


def choose_language(request: Request, own: str | None = None) -> str:
    """``lang`` in the address, or in one before; else the reader's own; else the browser's; else English."""
    chosen = [
        request.query_params.get("lang"),
        request.cookies.get(SECURE_PREFIX + LANGUAGE_COOKIE) or request.cookies.get(LANGUAGE_COOKIE),
    ]
    wanted = [*chosen, own, *_list_languages(request.headers.get("accept-language", ""))]
    return next((language for language in wanted if language in LANGUAGES), "en")


def prefers_json(request: Request) -> bool:
    """Whether JSON is preferred to HTML; where both weigh the same, the one named more closely, else HTML."""
    accepted = _parse_weights(request.headers.get("accept", "")) or {"*/*": 1.0}
    return _weigh(accepted, "application/json") > _weigh(accepted, "text/html")


def expects_page(request: Request) -> bool:
    """Whether somebody with a browser asks for one of the pages, and not a program."""
    return not request.url.path.startswith(FOR_PROGRAMS) and "text/html" in request.headers.get("accept", "")


def has_current(headers: Headers, tag: str) -> bool:
    """Whether the reader says that they have what this entity tag stands for (RFC 9110, 13.1.2): the answer is 304."""
    given = headers.get("if-none-match", "")
    return given.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in given.split(",")]


def _list_languages(header: str) -> list[str]:
    """Languages a browser asks for, most wanted first, without their regions."""
    weights = _parse_weights(header)
    return [name.partition("-")[0] for name in sorted(weights, key=lambda name: -weights[name]) if weights[name] > 0]


def _weigh(accepted: Mapping[str, float], media: str) -> tuple[float, int]:
    """How much a media type is wanted, and how closely it was named; (0, 0) where it isn't."""
    ranges = {media: 3, media.partition("/")[0] + "/*": 2, "*/*": 1}
    named = next((one for one in ranges if one in accepted), None)
    return (accepted[named], ranges[named]) if named and accepted[named] > 0 else (0.0, 0)


def _parse_weights(header: str) -> dict[str, float]:
    """Names and their q of an Accept header; 0 where q is no number."""
    found = {}
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
        if name:
            found[name] = float(quality) if quality.replace(".", "", 1).isdecimal() else 0.0
    return found
