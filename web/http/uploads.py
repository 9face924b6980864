"""A form with files, as browsers send it (multipart/form-data): its fields, and files with their content, unjudged.

The headers of its parts are read by the standard library's parser of e-mails. The form itself is not: that parser opens
parts within parts however deep they are, and looks at each line once for every one it is in.
"""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser

from fastapi import Request

from domain.shared.documents.faults import Fault, Invalid
from web.http.forms import Values, read_media_type

UPLOAD_TYPE = "multipart/form-data"
MOST_PARTS = 60
LONGEST_BOUNDARY = 200
LONGEST_HEADERS = 8 * 1024
_PARSER = HeaderParser()


@dataclass(frozen=True)
class Upload:
    """What a form with files holds: its fields, and each file by what its sender calls it, with its content."""

    values: Values = field(default_factory=dict)
    files: tuple[tuple[str, bytes], ...] = ()

    @property
    def name(self) -> str:
        """What the file of a form with one is called; empty where there is none."""
        return self.files[0][0] if self.files else ""

    @property
    def content(self) -> bytes:
        """The content of the file of a form with one; empty where there is none."""
        return self.files[0][1] if self.files else b""


def is_upload(request: Request) -> bool:
    """Whether a request is a form with files."""
    return read_media_type(request) == UPLOAD_TYPE


async def read_upload(request: Request, most_files: int = 1) -> Upload:
    """The form of a request. Raises `Invalid` where it is none, or holds more files than it may."""
    if not is_upload(request):
        raise Invalid([Fault("file", "file_upload")])
    if not hasattr(request.state, "upload"):  # the token of a form is looked for in it before its page reads it
        body = await request.body()
        # Beside the loop: of three megabytes each line is looked at.
        request.state.upload = await asyncio.to_thread(parse_upload, request.headers["content-type"], body)
    upload: Upload = request.state.upload
    if len(upload.files) > most_files:
        raise Invalid([Fault("file", "file_upload")])
    return upload


def parse_upload(content_type: str, body: bytes) -> Upload:
    """The form in a body, with every file in it; raises `Invalid` where it is none. Texts are as in `read_form`."""
    values: Values = {}
    files: list[tuple[str, bytes]] = []
    for headers, content in _split_parts(_read_boundary(content_type), body):
        name = _decode(headers.get_param("name", header="content-disposition"))
        file_name = headers.get_param("filename", header="content-disposition")
        if file_name is not None:
            files.append((_decode(file_name), content))
        elif name:
            values[name] = "\n".join(content.decode("utf-8", "replace").strip().splitlines())
    # A browser sends a file that wasn't chosen, too.
    return Upload(values, tuple(one for one in files if any(one)))


def _read_boundary(content_type: str) -> bytes:
    boundary = _PARSER.parsestr(f"Content-Type: {content_type}\r\n\r\n").get_boundary("")
    if not 0 < len(boundary) <= LONGEST_BOUNDARY:
        raise Invalid([Fault("file", "file_upload")])
    return boundary.encode("latin-1", "replace")


def _split_parts(boundary: bytes, body: bytes) -> Iterator[tuple[Message, bytes]]:
    """Each part's headers and content, the closing boundary last of all; a part of parts is one part."""
    between = rb"(?:\A|\r\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?:\r\n|\Z)"
    start: int | None = None
    for number, found in enumerate(re.finditer(between, body)):
        if number > MOST_PARTS:
            break
        if start is not None:
            head, blank, content = body[start : found.start()].partition(b"\r\n\r\n")
            if not blank or len(head) > LONGEST_HEADERS:
                break
            yield _PARSER.parsestr(head.decode("latin-1")), content
        if found[1]:
            return
        start = found.end()
    raise Invalid([Fault("file", "file_upload")])


def _decode(text: object) -> str:
    """Text as browsers send it, in UTF-8; what can't be is shown as such."""
    return text.encode("latin-1", "replace").decode("utf-8", "replace") if isinstance(text, str) else ""
