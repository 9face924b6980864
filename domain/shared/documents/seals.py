"""The seal of an exchange as its folder has it, a PNG or an SVG: checked, and made one kind of picture, an SVG.

A picture that can't be shown would have every certificate refused; it is told where the folder is read instead.
"""

import re
import struct
import zlib
from base64 import b64encode
from xml.etree import ElementTree

from domain.shared.documents.evidence import is_whole_png

LARGEST_SEAL = 256 * 1024
MOST_PIXELS_A_SIDE = 2000
# Bits of a pixel's channels by the colour type of a PNG.
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_SVG = "{http://www.w3.org/2000/svg}"
# What brings something along from elsewhere, or does something.
_FORBIDDEN = frozenset({"script", "foreignObject", "image", "a", "animate", "set"})
_ELSEWHERE = re.compile(r"url\((?!\s*['\"]?#)|@import", re.IGNORECASE)


class UnusableSeal(ValueError):
    """Why a picture can't be the seal; its text is the sentence."""


def read_seal(name: str, content: bytes) -> str:
    """The seal as an SVG document. Raises `UnusableSeal` for a file that is none, is too large or leads elsewhere."""
    if not content:
        raise UnusableSeal(f"There is no file {name}; put it beside this file, or leave the seal out.")
    if len(content) > LARGEST_SEAL:
        raise UnusableSeal(f"{name} is larger than {LARGEST_SEAL // 1024} KiB; make it smaller.")
    return _wrap_png(name, content) if name.endswith(".png") else _check_svg(name, content)


def _wrap_png(name: str, content: bytes) -> str:
    if not is_whole_png(content) or len(content) < 33:
        raise UnusableSeal(f"{name} is no whole PNG; save it again.")
    width, height, depth, color = struct.unpack_from(">IIBB", content, 16)
    if not (0 < width <= MOST_PIXELS_A_SIDE and 0 < height <= MOST_PIXELS_A_SIDE):
        raise UnusableSeal(f"{name} has more than {MOST_PIXELS_A_SIDE} pixels a side; make it smaller.")
    row = 1 + (width * depth * _CHANNELS.get(color, 0) + 7) // 8
    # An interlaced one has a few more bytes, for its rows are in parts.
    if color not in _CHANNELS or _count_unpacked(content, 2 * row * height) < row * height:
        raise UnusableSeal(f"{name} holds no picture that can be shown; save it again.")
    data = b64encode(content).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<image width="{width}" height="{height}" href="data:image/png;base64,{data}"/></svg>'
    )


def _count_unpacked(content: bytes, most: int) -> int:
    """How many bytes the rows of a whole PNG come to, `most` at most; 0 where they can't be unpacked."""
    at, packed = 8, b""
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        if content[at + 4 : at + 8] == b"IDAT":
            packed += content[at + 8 : at + 8 + length]
        at += 12 + length
    try:
        return len(zlib.decompressobj().decompress(packed, most))
    except zlib.error:
        return 0


def _check_svg(name: str, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
        if "<!" in re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL):  # a document type may define what it likes
            raise UnusableSeal(f"{name} has a document type or marked sections; save it as plain SVG.")
        root = ElementTree.fromstring(text)  # noqa: S314 without a document type there is nothing to expand
    except (UnicodeDecodeError, ElementTree.ParseError):
        raise UnusableSeal(f"{name} is no SVG; save it again as UTF-8.") from None
    if root.tag != f"{_SVG}svg":
        raise UnusableSeal(f"{name} is no SVG; its first element has to be svg.")
    for element in root.iter():
        tag = str(element.tag).removeprefix(_SVG)
        said = [element.text or "" if tag == "style" else "", *element.attrib.values()]
        leads = any(one.rpartition("}")[2] == "href" and not to.startswith("#") for one, to in element.attrib.items())
        if tag in _FORBIDDEN or leads or any(map(_ELSEWHERE.search, said)):
            raise UnusableSeal(f"{name} has scripts, pictures or links in it; save it as plain shapes.")
    return text
