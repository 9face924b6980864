"""Files of evidence: PDF, PNG or JPEG by their content alone, whole, and nothing before or behind it (E5).

They are told by how they are built, and nothing of them is unpacked or shown here: a small file may hold a gigabyte of
nothing, and no reader of such files is without faults. What begins or ends with something else may be two things at
once, and is refused.
"""

import math
import re
import struct
import zlib
from pathlib import PurePosixPath

from domain.shared.documents.faults import Fault, Invalid

MEGABYTE = 1024 * 1024
# As large as a phone makes a photo; what is sent together may have three of the largest.
LARGEST_FILE = 10 * MEGABYTE
LARGEST_FORM = 32 * MEGABYTE
MOST_FILES = 10
LONGEST_NAME = 100
PDF, PNG, JPEG = "application/pdf", "image/png", "image/jpeg"
EXTENSIONS = {PDF: "pdf", PNG: "png", JPEG: "jpg"}

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_PDF_END = re.compile(rb"startxref\s+(\d{1,10})\s+%%EOF\s*\Z")
# What the last cross-reference begins with: a table, or the object that holds it.
_PDF_XREF = re.compile(rb"xref\s|\d{1,10}\s+\d{1,5}\s+obj\b")
_PDF_TAIL = 1024
# The start of a scan and the end of a JPEG; a scan's data goes on to the next marker that is no part of it.
_JPEG_SCAN, _JPEG_END = 0xDA, 0xD9
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def check_evidence(content: bytes, name: str = "") -> str:
    """The media type of a file of evidence, ``name`` to who sent it.

    Raises `Invalid` for one that is empty, too large, or none of the three kinds; the fault names the file.
    """
    if not content and not name:
        raise Invalid([Fault("file", "required")])
    check_evidence_size(len(content), name)
    for media_type, is_whole in ((PDF, _is_pdf), (PNG, is_whole_png), (JPEG, _is_jpeg)):
        if is_whole(content):
            return media_type
    raise Invalid([_name_fault("file_kind", name)])


def check_evidence_size(size: int, name: str) -> None:
    """Raises `Invalid`, naming the file, where it is empty or has more bytes than may be."""
    if not size:
        raise Invalid([_name_fault("file_empty", name)])
    if size > LARGEST_FILE:
        limit = str(LARGEST_FILE // MEGABYTE)
        raise Invalid([_name_fault("file_too_large", name, size=format_megabytes(size), limit=limit)])


def format_megabytes(size: int) -> str:
    """A size in megabytes, rounded up to a tenth: what is larger than a limit never reads as the limit itself."""
    return f"{math.ceil(size * 10 / MEGABYTE) / 10:.1f}"


def clean_file_name(name: str, media_type: str) -> str:
    """What a file is called on pages: the last part of its path, in letters that can be shown; never a path of ours."""
    return _clean_name(name) or f"evidence.{EXTENSIONS[media_type]}"


def _name_fault(code: str, name: str, **details: str) -> Fault:
    return Fault("file", code, {"name": _clean_name(name) or "file", **details})


def _clean_name(name: str) -> str:
    last = PurePosixPath(name.replace("\\", "/")).name
    shown = "".join(one for one in last if one.isprintable()).strip(" .")
    return shown[:LONGEST_NAME]


def _is_pdf(content: bytes) -> bool:
    if not content.startswith(b"%PDF-"):
        return False
    end = _PDF_END.search(content, max(0, len(content) - _PDF_TAIL))
    return end is not None and _PDF_XREF.match(content, int(end[1])) is not None


def is_whole_png(content: bytes) -> bool:
    """Whether this is a PNG from its first byte to its last, each part with the checksum it says."""
    if not content.startswith(_PNG_MAGIC):
        return False
    at, kinds = len(_PNG_MAGIC), []
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        end = at + 8 + length
        if end + 4 > len(content):
            return False
        (checksum,) = struct.unpack_from(">I", content, end)
        if zlib.crc32(content[at + 4 : end]) != checksum:
            return False
        kinds.append(content[at + 4 : at + 8])
        at = end + 4
        if kinds[-1] == b"IEND":
            break
    return at == len(content) and kinds[:1] == [b"IHDR"] and b"IDAT" in kinds and kinds[-1] == b"IEND"


def _is_jpeg(content: bytes) -> bool:
    """A picture, or several one after the other, as cameras write them: up to the last byte."""
    at = 0
    while at < len(content):
        end = _find_jpeg_end(content, at)
        if end is None:
            return False
        at = end
    return at > 0


def _find_jpeg_end(content: bytes, at: int) -> int | None:
    """Where the picture that begins here ends, segment by segment; None where it isn't one."""
    if not content.startswith(b"\xff\xd8\xff", at):
        return None
    at, has_frame, has_scan = at + 2, False, False
    while at + 2 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == _JPEG_END:
            return at + 2 if has_frame and has_scan else None
        if at + 4 > len(content) or marker in (0x00, 0xFF):
            return None
        (length,) = struct.unpack_from(">H", content, at + 2)
        if length < 2:
            return None
        has_frame = has_frame or marker in _JPEG_FRAMES
        at += 2 + length
        if marker == _JPEG_SCAN:
            has_scan = True
            next_marker = _JPEG_MARKER.search(content, at)
            if next_marker is None:
                return None
            at = next_marker.start()
    return None
