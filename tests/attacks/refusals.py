"""What a refusal has to be: a sentence that says what is wrong, for a program or a person; no test."""

import re

import httpx2

from tests.support.browser import Page

# "field: Sentence." is one, too, whatever the field is called; quotation marks may end it.
SENTENCE = re.compile(r"(?s)^.{8,}[.?!][”\"')]?$")
IN_PAGE = re.compile(r"[A-ZÁÉÍÓÚÑ¿¡][^.?!]{10,}[.?!]")
INNER = re.compile(r"Traceback|File \"|sqlalchemy|pydantic|psycopg|sqlite3|temporalio|Internal Server Error|<class '")
# What every answer says to browsers, whatever it is.
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "content-security-policy": "frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
    "cache-control": "",
}


def find_fault(answer: httpx2.Response) -> str:
    """What is wrong with an answer as such: a fault of ours, a header that it lacks, a refusal that says nothing."""
    if answer.status_code >= 500 and answer.status_code != 503:
        return f"{answer.status_code} is our fault"
    if missing := [name for name, text in HEADERS.items() if text not in answer.headers.get(name, "")]:
        return f"it has no {missing[0]}"
    if "access-control-allow-origin" in answer.headers:
        return "other sites may read it"
    if answer.content and not answer.headers.get("content-type"):
        return "it has no type"
    if answer.status_code < 400:
        return ""
    if INNER.search(answer.text):
        return "it tells of the inside"
    kind = answer.headers.get("content-type", "")
    if kind.startswith("application/problem+json"):
        return _find_fault_of_document(answer)
    if kind.startswith("text/html"):
        return "" if IN_PAGE.search(Page(answer).text) else "the page says nothing"
    return f"a refusal is no {kind or 'nothing'}"


def _find_fault_of_document(answer: httpx2.Response) -> str:
    document = answer.json()
    told = [document["detail"], *(one["message"] for one in document.get("errors", []))]
    wrong = [text for text in told if not SENTENCE.match(text)]
    return f"no sentence: {wrong[0]!r}" if wrong else ""
