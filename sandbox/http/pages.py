"""The stand-ins' plain pages: one layout, one small style sheet, no script. Each stand-in brings the content."""

from collections.abc import Iterable
from html import escape
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse

STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
header { border-bottom: 1px solid #8886; margin-bottom: 1rem; }
header p { color: #666; font-size: .9rem; margin: 0 0 .5rem; }
h1 { font-size: 1.4rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; }
a { color: #1a63c4; }
ul.plain { list-style: none; padding: 0; }
ul.plain > li { border: 1px solid #8884; border-radius: .5rem; margin: .6rem 0; padding: .7rem .9rem; }
ul.plain > li { overflow-wrap: anywhere; }
ul.plain strong { display: block; }
small, dt { color: #666; }
dl { display: grid; gap: .2rem 1rem; grid-template-columns: max-content 1fr; }
dd { margin: 0; overflow-wrap: anywhere; }
form { margin: .6rem 0; }
label { display: block; margin: .4rem 0; }
input { font: inherit; padding: .4rem; max-width: 100%; box-sizing: border-box; }
button { background: #1a63c4; border: 0; border-radius: .4rem; color: #fff; cursor: pointer; }
button { font: inherit; padding: .5rem .9rem; }
iframe { background: #fff; border: 1px solid #8884; border-radius: .5rem; height: 34rem; width: 100%; }
pre { background: #8881; border-radius: .5rem; padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.message { border-left: .3rem solid #c62828; padding: .3rem .8rem; }
@media (prefers-color-scheme: dark) { a { color: #8ab8ff; } small, dt, header p { color: #aaa; } }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'{}; base-uri 'none'"
NOTES = {
    "en": "A stand-in for development: nothing here is real.",
    "es": "Un sustituto para el desarrollo: nada de lo que hay aquí es real.",
}


def respond_with_page(
    title: str, body: str, status: int = 200, language: str = "en", redirects_to: str = ""
) -> HTMLResponse:
    """A page as an answer; `body` is HTML, `title` is text, `language` is en or es.

    It loads nothing from anywhere. Browsers hold a form's redirect against the page's policy too, so an address that
    a form leads to outside of this stand-in has to be named: `redirects_to` is its origin.
    """
    policy = POLICY.format(f" {redirects_to}" if redirects_to else "")
    page = _render_page(title, body, language)
    return HTMLResponse(page, status, headers={"Content-Security-Policy": policy})


def _render_page(title: str, body: str, language: str) -> str:
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><header><h1>{escape(title)}</h1><p>{escape(NOTES[language])}</p></header>"
        f"<main>{body}</main></body></html>"
    )


def find_origin(url: str) -> str:
    """The origin of an address, as `redirects_to` takes it."""
    address = urlsplit(url)
    return f"{address.scheme}://{address.netloc}"


def choose_language(language: str) -> str:
    """The language a page is written in, en or es, for somebody who wants `language` (RFC 5646)."""
    return "es" if language.lower().partition("-")[0] == "es" else "en"


def render_list(items: Iterable[str], if_empty: str) -> str:
    """Items, each HTML, as a list; `if_empty` is the sentence for none."""
    rows = "".join(f"<li>{item}</li>" for item in items)
    return f'<ul class="plain">{rows or f"<li>{escape(if_empty)}</li>"}</ul>'


def render_link(address: str, text: str, note: str) -> str:
    """A list's item: a link in bold, and below it a note; an address of this origin, and text."""
    return f'<strong><a href="{escape(address)}">{escape(text)}</a></strong><small>{escape(note)}</small>'


def render_message(message: str) -> str:
    """What went wrong, as a paragraph that screen readers read out at once."""
    return f'<p class="message" role="alert">{escape(message)}</p>'


def render_definitions(facts: dict[str, object]) -> str:
    """Facts under their terms; None is a dash."""
    rows = (
        f"<dt>{escape(term)}</dt><dd>{escape(str(fact)) if fact is not None else '–'}</dd>"
        for term, fact in facts.items()
    )
    return f"<dl>{''.join(rows)}</dl>"


def render_button(action: str, label: str, fields: str = "") -> str:
    """A form of one button; `fields` is HTML, `action` a path of this origin."""
    return f'<form method="post" action="{escape(action)}">{fields}<button>{escape(label)}</button></form>'
