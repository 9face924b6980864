"""What a report's body holds, in whichever of the ways that senders pack it: the JSON document in it."""

from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qs

from fastapi import Request

from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.parsing import read_json
from web.http.forms import MEDIA_TYPE, read_media_type

# The field in which SCORM Cloud posts a registration.
_FORM_FIELD = b"data"


def read_report(request: Request, body: bytes) -> Any:
    """The JSON document of a body: all of it, the first part of a multipart/mixed one (P8), or a form's field.

    Attachments are left where they are. Raises `Invalid` where there is no such document.
    """
    media_type = read_media_type(request)
    if media_type == "multipart/mixed":
        return read_json(_read_first_part(request.headers["content-type"], body))
    if media_type == MEDIA_TYPE:
        return read_json(_read_field(body))
    return read_json(body)


def _read_first_part(content_type: str, body: bytes) -> bytes:
    whole = b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body
    parts = list(BytesParser(policy=HTTP).parsebytes(whole).iter_parts())
    found = parts[0].get_payload(decode=True) if parts else None
    if not isinstance(found, bytes) or parts[0].get_content_type() != "application/json":
        raise Invalid([Fault("body", "json")])
    return found


def _read_field(body: bytes) -> bytes:
    try:
        found = parse_qs(body, max_num_fields=10).get(_FORM_FIELD, [])
    except ValueError:  # more fields
        found = []
    if len(found) != 1:
        raise Invalid([Fault("data", "required")])
    return found[0]
