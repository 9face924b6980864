"""Files of evidence by their content: what is taken, and what pretends to be (E5)."""

import struct
import zlib

import pytest

from domain.shared.documents.evidence import (
    JPEG,
    LARGEST_FILE,
    LONGEST_NAME,
    PDF,
    PNG,
    check_evidence,
    clean_file_name,
)
from domain.shared.documents.faults import Invalid
from tests.support.evidence import jpeg, pdf, png

HTML = b"<!doctype html><script>alert(1)</script>"
ZIP = b"PK\x05\x06" + b"\0" * 18


@pytest.mark.parametrize(("content", "media_type"), [(pdf(), PDF), (png(), PNG), (jpeg(), JPEG)])
def test_e5_a_pdf_a_png_and_a_jpeg_are_known_by_their_content(content: bytes, media_type: str) -> None:
    assert check_evidence(content) == media_type


def test_e5_a_camera_s_second_picture_is_part_of_the_first() -> None:
    assert check_evidence(jpeg() + jpeg()) == JPEG
    second_scan = jpeg()[jpeg().index(b"\xff\xda") :]
    progressive = jpeg().replace(b"\xff\xd9", b"\xff\xc4\x00\x04\xff\xd9" + second_scan)
    assert check_evidence(progressive) == JPEG, "a marker inside a segment is no end"


@pytest.mark.parametrize("whole", [pdf(), png(), jpeg()])
@pytest.mark.parametrize("other", [HTML, ZIP, b"\0" * 2000, b"MZ\x90\x00"])
def test_e5_what_is_two_things_at_once_is_refused(whole: bytes, other: bytes) -> None:
    for content in (other + whole, whole + other, other):
        with pytest.raises(
            Invalid, match=r"“it\.pdf” is not a whole PDF, PNG or JPEG file, or something else is in it"
        ):
            check_evidence(content, "it.pdf")


@pytest.mark.parametrize("whole", [pdf(), png(), jpeg()])
def test_e5_a_file_that_was_cut_short_is_refused(whole: bytes) -> None:
    for length in {1, 3, 8, len(whole) // 2, len(whole) - 2}:
        with pytest.raises(Invalid):
            check_evidence(whole[:length])


def test_e5_a_png_with_a_wrong_checksum_or_without_a_picture_is_refused() -> None:
    broken = bytearray(png())
    broken[20] ^= 1
    head, end = png()[:33], png()[-12:]
    for content in (bytes(broken), head + end, png()[:8] + struct.pack(">I", 2**31) + b"IHDR"):
        with pytest.raises(Invalid):
            check_evidence(content)


def test_e5_no_file_and_one_too_large_are_told_so() -> None:
    with pytest.raises(Invalid, match="required"):
        check_evidence(b"")
    text = zlib.compress(b"\0" * LARGEST_FILE)
    assert len(text) < LARGEST_FILE, "nothing is unpacked: a bomb is just no file of these kinds"
    with pytest.raises(Invalid, match=r"“photo\.jpg” has 10\.1 MB, and a file may have 10 MB"):
        check_evidence(pdf() + b" " * LARGEST_FILE, "../my/photo.jpg")
    with pytest.raises(Invalid, match=r"“scan\.pdf” is empty"):
        check_evidence(b"", "scan.pdf")
    assert check_evidence(pdf("x" * (LARGEST_FILE - 1000))) == PDF, "as large as a phone makes a photo"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("letter.pdf", "letter.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\Testa\\nómina.pdf", "nómina.pdf"),
        ("a\r\nSet-Cookie: b.pdf", "aSet-Cookie: b.pdf"),
        ("..", "evidence.pdf"),
        ("", "evidence.pdf"),
        ("x" * 300, "x" * LONGEST_NAME),
        ("\u202egnp.pdf", "gnp.pdf"),
    ],
)
def test_e5_a_name_is_a_name_and_no_path(given: str, shown: str) -> None:
    assert clean_file_name(given, PDF) == shown
