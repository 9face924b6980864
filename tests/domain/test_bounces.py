"""Reports of letters that came back, in the forms in which mail servers write them, and the address that names one."""

from pathlib import Path

import pytest

from domain.shared.documents.bounces import (
    READ_BYTES,
    DeliveryReport,
    Outcome,
    ReturnAddresses,
    find_letter,
    make_token,
    read_report,
)
from domain.shared.documents.faults import Invalid
from domain.shared.ids import make_message_id

SAMPLES = Path(__file__).parent.parent / "fixtures" / "bounces"
KEY = b"a key of the tests"
LETTER = make_message_id("case-1:notice.request_received:0")
TOKEN = make_token(KEY, LETTER)
RETURNED, DELAYED, NOTHING = Outcome.RETURNED, Outcome.DELAYED, Outcome.NOTHING


def load(name: str, token: str = TOKEN) -> bytes:
    return (SAMPLES / f"{name}.eml").read_bytes().replace(b"@TOKEN@", token.encode())


@pytest.mark.parametrize(
    ("name", "outcome", "status"),
    [
        ("postfix-failed", RETURNED, "5.1.1"),
        ("postfix-delayed", DELAYED, "4.4.1"),
        ("exchange-failed", RETURNED, "5.1.10"),
        ("given-up", RETURNED, "4.4.7"),
        ("international", RETURNED, "5.1.1"),
        ("qmail", RETURNED, ""),
        ("delivered", NOTHING, ""),
        ("out-of-office", NOTHING, ""),
    ],
)
def test_p24_each_form_is_read_and_names_its_letter(name: str, outcome: Outcome, status: str) -> None:
    raw = load(name)
    assert read_report(raw) == DeliveryReport(outcome, status)
    assert f"<{find_letter(KEY, raw)}@certification.example>" == LETTER
    crlf = raw.replace(b"\n", b"\r\n")
    assert (read_report(crlf), find_letter(KEY, crlf)) == (read_report(raw), find_letter(KEY, raw))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe" * 100,
        b'{"json": true}',
        b"Subject: hello\r\n\r\nHow do I change my address?",
        b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\n--x--",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\n" * 5000,
        b"Content-Type: message/rfc822\n\n" * 2000,
        "Subject: =?utf-8?q?\udcff?=\r\n\r\n".encode("utf-8", "surrogateescape"),
    ],
)
def test_what_is_no_report_is_refused_in_a_sentence(raw: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        read_report(raw)
    assert "no report of a letter that came back" in refused.value.faults[0].sentence()


def test_the_address_of_a_letter_is_opaque_and_fits_an_envelope() -> None:
    address = ReturnAddresses("fifteen-letters@exchange.example", KEY).make_address(LETTER)
    local, _, domain = address.partition("@")
    assert (local, domain) == (f"fifteen-letters+{TOKEN}", "exchange.example")
    assert len(local) <= 64
    assert TOKEN.isalnum()
    assert ReturnAddresses("bounces@exchange.example", KEY).make_address("<other@example.org>") == (
        "bounces@exchange.example"
    )


@pytest.mark.parametrize("key", [KEY, b"another key"])
def test_a_token_that_was_made_up_names_no_letter(key: bytes) -> None:
    made_up = [TOKEN[:-1] + ("a" if TOKEN[-1] != "a" else "b"), TOKEN[1:] + TOKEN[0], "a" * 48, TOKEN + "a", TOKEN[:-1]]
    for token in made_up if key == KEY else [TOKEN]:
        assert find_letter(key, load("postfix-failed", token)) == ""


def test_a_server_may_write_the_address_in_capitals_and_a_forged_token_beside_hides_nothing() -> None:
    assert find_letter(KEY, load("postfix-failed", TOKEN.upper()))
    assert find_letter(KEY, b"To: bounces+" + b"a" * 48 + b"@example.org\r\n" + load("postfix-failed"))


def test_of_a_long_message_the_beginning_is_read_alone() -> None:
    assert read_report(load("exchange-failed") + b"x" * 10_000_000).outcome is RETURNED
    assert find_letter(KEY, b"x " * READ_BYTES + TOKEN.encode()) == ""
