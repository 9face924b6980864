"""The seal of an exchange: what can stand on its certificates, and what is told when its folder is read (A23, E12)."""

import struct
import zlib

import pytest

from domain.shared.documents.seals import LARGEST_SEAL, UnusableSeal, read_seal
from tests.support.evidence import png

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4" cy="4" r="4"/></svg>'


def put_together(width: int, height: int, rows: bytes) -> bytes:
    """A PNG of grey points whose parts are whole, whatever they hold."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a23_a_png_and_an_svg_come_to_an_svg() -> None:
    assert read_seal("seal.svg", SVG.encode()) == SVG
    wrapped = read_seal("seal.png", png())
    assert wrapped.startswith('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"')
    assert 'href="data:image/png;base64,' in wrapped


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("seal.png", b"", "There is no file"),
        ("seal.png", b"\0" * (LARGEST_SEAL + 1), "larger than 256 KiB"),
        ("seal.png", SVG.encode(), "no whole PNG"),
        ("seal.png", png()[:-4], "no whole PNG"),
        ("seal.png", put_together(4000, 1, zlib.compress(b"\0" * 4001)), "more than 2000 pixels a side"),
        ("seal.png", put_together(2, 2, b"no rows"), "no picture that can be shown"),
        ("seal.png", put_together(9, 9, zlib.compress(b"\0")), "no picture that can be shown"),
        ("seal.svg", png(), "no SVG"),
        ("seal.svg", b"<svg", "no SVG"),
        ("seal.svg", b"<html/>", "its first element has to be svg"),
        ("seal.svg", b"<!DOCTYPE svg [<!ENTITY a 'b'>]>" + SVG.encode(), "document type"),
        ("seal.svg", SVG.replace("<circle", "<script>1</script><circle").encode(), "scripts, pictures or links"),
        ("seal.svg", SVG.replace("<circle", '<image href="https://example.org/a.png"/><circle').encode(), "links"),
        ("seal.svg", SVG.replace("<circle", '<use href="https://example.org/a.svg"/><circle').encode(), "links"),
        ("seal.svg", SVG.replace("<circle", '<circle fill="url(https://example.org)"/><circle').encode(), "links"),
    ],
)
def test_a23_what_can_t_be_shown_is_told(name: str, content: bytes, words: str) -> None:
    with pytest.raises(UnusableSeal, match=words):
        read_seal(name, content)
