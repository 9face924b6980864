"""What went wrong, as a document for programs (RFC 9457); what people get instead is in problem_pages.py."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse

from domain.shared.documents.faults import Fault
from web.http.sentences import explain_reason

MEDIA_TYPE = "application/problem+json"
# A small body can have thousands of faults: the answer has to stay small, too.
MOST_FAULTS = 50


def build_problem(
    status: int, detail: str, faults: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """A problem document: what is wrong in one sentence, and every field at fault: `{field, code, message}`."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if faults:
        document["errors"] = describe_faults(faults)
    return JSONResponse(document, status, headers, MEDIA_TYPE)


def describe_faults(faults: Sequence[Fault]) -> list[dict[str, str]]:
    """Each fault for programs, fifty at most: its field, its code and a sentence."""
    return [
        {"field": fault.field, "code": fault.code, "message": explain_reason(fault, "en")}
        for fault in faults[:MOST_FAULTS]
    ]


def join_faults(faults: Sequence[Fault], language: str = "en") -> str:
    """The faults in one text, each field named, fifty at most."""
    return " ".join(f"{fault.field}: {explain_reason(fault, language)}" for fault in faults[:MOST_FAULTS])
