"""A form with files, as browsers send it (multipart/form-data): its fields, and files with their content, unjudged.

The headers of its parts are read by the standard library's parser of e-mails. The form itself is not: that parser opens
parts within parts however deep they are, and looks at each line once for every one it is in.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser

from fastapi import Request
from starlette.exceptions import HTTPException

from domain.shared.documents.evidence import LARGEST_FORM, MEGABYTE, format_megabytes
from domain.shared.documents.faults import Fault, Invalid
from web.http.defence.security_log import find_network
from web.http.forms import Values, read_media_type

UPLOAD_TYPE = "multipart/form-data"
MOST_PARTS = 60
LONGEST_BOUNDARY = 200
LONGEST_HEADERS = 8 * 1024
# Forms with files of one network that are read at once.
MOST_AT_ONCE = 4
AGAIN = {"Retry-After": "60"}
_PARSER = HeaderParser()
_being_read: Counter[str] = Counter()


@dataclass(frozen=True)
class Upload:
    """What a form with files holds: its fields, and each file by what its sender calls it, with its content.

    ``excess`` is the fault of a form that is larger than is kept: of it the fields and files that came first are here.
    """

    values: Values = field(default_factory=dict)
    files: tuple[tuple[str, bytes], ...] = ()
    excess: Fault | None = None

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
    """The form of a request. Raises `Invalid` where it is none, or holds more files than it may.

    One with a single file has to be whole; of others see `Upload.excess`.
    """
    if not is_upload(request):
        raise Invalid([Fault("file", "file_upload")])
    if not hasattr(request.state, "upload"):  # the token of a form is looked for in it before its page reads it
        body, size = await _read_body(request)
        # Beside the loop: each line of many megabytes is looked at.
        request.state.upload = await asyncio.to_thread(parse_upload, request.headers["content-type"], body, size)
    upload: Upload = request.state.upload
    if upload.excess and most_files == 1:
        raise Invalid([upload.excess])
    if len(upload.files) > most_files:
        raise Invalid([Fault("file", "file_upload")])
    return upload


async def _read_body(request: Request) -> tuple[bytearray, int]:
    """The body, no more of it than is kept, and how many bytes it has in all.

    It is read to its end whatever its size: a browser shows no answer that comes before. 429 while as many others are
    being read of the same network as may be at once, since each is held in memory.
    """
    network = find_network(request.client.host if request.client else "")
    if _being_read[network] >= MOST_AT_ONCE:
        raise HTTPException(429, "Others are sending files from your network: please try again in a minute.", AGAIN)
    _being_read[network] += 1
    try:
        kept, size = bytearray(), 0
        async for chunk in request.stream():
            size += len(chunk)
            kept += chunk[: LARGEST_FORM - len(kept)]
        return kept, size
    finally:
        _being_read[network] -= 1
        if not _being_read[network]:
            del _being_read[network]


def parse_upload(content_type: str, body: bytes | bytearray, size: int = 0) -> Upload:
    """The form in a body, with every file in it; raises `Invalid` where it is none. Texts are as in `read_form`.

    ``size`` is what was sent: where it is more than the body has, the end of the form is missing.
    """
    values: Values = {}
    files: list[tuple[str, bytes]] = []
    is_cut = size > len(body)
    for headers, content in _split_parts(_read_boundary(content_type), body, is_cut=is_cut):
        name = _decode(headers.get_param("name", header="content-disposition"))
        file_name = headers.get_param("filename", header="content-disposition")
        if file_name is not None:
            files.append((_decode(file_name), content))
        elif name:
            values[name] = "\n".join(content.decode("utf-8", "replace").strip().splitlines())
    # A browser sends a file that wasn't chosen, too.
    sizes = {"size": format_megabytes(size), "limit": str(LARGEST_FORM // MEGABYTE)}
    excess = Fault("file", "form_too_large", sizes) if is_cut else None
    return Upload(values, tuple(one for one in files if any(one)), excess)


def _read_boundary(content_type: str) -> bytes:
    boundary = _PARSER.parsestr(f"Content-Type: {content_type}\r\n\r\n").get_boundary("")
    if not 0 < len(boundary) <= LONGEST_BOUNDARY:
        raise Invalid([Fault("file", "file_upload")])
    return boundary.encode("latin-1", "replace")


def _split_parts(boundary: bytes, body: bytes | bytearray, *, is_cut: bool = False) -> Iterator[tuple[Message, bytes]]:
    """Each part's headers and content, the closing boundary last of all, unless it is cut; a part of parts is one."""
    between = rb"(?:\A|\r\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?:\r\n|\Z)"
    start: int | None = None
    for number, found in enumerate(re.finditer(between, body)):
        if number > MOST_PARTS:
            raise Invalid([Fault("file", "file_upload")])
        if start is not None:
            blank = body.find(b"\r\n\r\n", start, found.start())
            if not start <= blank <= start + LONGEST_HEADERS:
                raise Invalid([Fault("file", "file_upload")])
            yield _PARSER.parsestr(body[start:blank].decode("latin-1")), bytes(body[blank + 4 : found.start()])
        if found[1]:
            return
        start = found.end()
    if not is_cut:
        raise Invalid([Fault("file", "file_upload")])


def _decode(text: object) -> str:
    """Text as browsers send it, in UTF-8; what can't be is shown as such."""
    return text.encode("latin-1", "replace").decode("utf-8", "replace") if isinstance(text, str) else ""
