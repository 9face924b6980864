"""A form with a file, as browsers send it (multipart/form-data): its fields, and one file with its content, unjudged.

Read by the standard library's parser of e-mails, which knows the same form: bytes go through it as Latin-1, by which
none is changed.
"""

import asyncio
from dataclasses import dataclass, field
from email.message import Message
from email.parser import Parser

from fastapi import Request

from domain.shared.documents.faults import Fault, Invalid
from web.http.forms import Values, read_media_type

UPLOAD_TYPE = "multipart/form-data"
MOST_PARTS = 20


@dataclass(frozen=True)
class Upload:
    """What a form with a file holds; ``name`` is what its sender calls the file, empty where there is none."""

    values: Values = field(default_factory=dict)
    name: str = ""
    content: bytes = b""


async def read_upload(request: Request) -> Upload:
    """The form of a request. Raises `Invalid` where it is none, or holds more than one file."""
    if read_media_type(request) != UPLOAD_TYPE:
        raise Invalid([Fault("file", "file_upload")])
    body = await request.body()
    # Beside the loop: of three megabytes each line is looked at.
    return await asyncio.to_thread(parse_upload, request.headers["content-type"], body)


def parse_upload(content_type: str, body: bytes) -> Upload:
    """The form in a body; raises as `read_upload` does."""
    message = Parser().parsestr(f"Content-Type: {content_type}\r\n\r\n{body.decode('latin-1')}")
    parts = message.get_payload()
    if not isinstance(parts, list) or len(parts) > MOST_PARTS:
        raise Invalid([Fault("file", "file_upload")])
    values: Values = {}
    files: list[tuple[str, bytes]] = []
    for part in parts:
        content = part.get_payload() if isinstance(part, Message) else None
        if not isinstance(part, Message) or not isinstance(content, str):
            raise Invalid([Fault("file", "file_upload")])
        name = _decode(part.get_param("name", header="content-disposition"))
        file_name = part.get_param("filename", header="content-disposition")
        if file_name is not None:
            files.append((_decode(file_name), content.encode("latin-1")))
        elif name:
            values[name] = _decode(content).strip()
    files = [one for one in files if any(one)]  # a browser sends a file that wasn't chosen, too
    if len(files) > 1:
        raise Invalid([Fault("file", "file_upload")])
    name, content_of_file = files[0] if files else ("", b"")
    return Upload(values, name, content_of_file)


def _decode(text: object) -> str:
    """Text as browsers send it, in UTF-8; what can't be is shown as such."""
    return text.encode("latin-1", "replace").decode("utf-8", "replace") if isinstance(text, str) else ""
