"""Letters that come back: the address each is sent from, and what a mail server's report says of one (P24).

The address of a letter has a token in it that nobody else can make: by it a report is about that letter, wherever it
stands in the report. It says nothing of whom the letter went to.
"""

import hmac
import logging
import re
from base64 import b32decode, b32encode
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from enum import StrEnum
from hashlib import sha256

from flufl.bounce import all_failures

from domain.shared.documents.faults import Fault, Invalid

# What is looked at of a message: reports stand before the letter that is given back with them.
READ_BYTES = 64 * 1024
# Of the 64 characters that may stand before an @, a plus sign and the token take 49.
_SIGNED_BYTES = 10
NO_REPORT = "no_delivery_report"
# As `make_message_id` makes them.
_MESSAGE_ID = re.compile(r"<([0-9a-f]{40})(@[^>]+)>")
_TOKEN = re.compile(r"(?<![a-z0-9])[a-z2-7]{48}(?![a-z0-9])", re.ASCII | re.IGNORECASE)
_STATUS = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b", re.ASCII)
_WORD = re.compile(r"\s*([a-z]+)", re.ASCII | re.IGNORECASE)
# The kind of a report about an address with other letters (RFC 6533), which reads like the other one.
_INTERNATIONAL = re.compile(rb"message/global-delivery-status", re.IGNORECASE)
# It would write where it is in a message, and that is no news.
logging.getLogger("flufl.bounce").disabled = True


class Outcome(StrEnum):
    """What a report says became of a letter."""

    RETURNED = "returned"
    DELAYED = "delayed"
    NOTHING = "nothing"
    """It is no report of trouble: the letter arrived, or somebody's mailbox answers by itself."""


# One server writes "error" for it. The others there are: delivered, relayed, expanded.
_OUTCOMES = {"failed": Outcome.RETURNED, "error": Outcome.RETURNED, "delayed": Outcome.DELAYED}


@dataclass(frozen=True)
class DeliveryReport:
    """A report: its outcome, and the enhanced status code (RFC 3463) where it has one, "5.1.1"."""

    outcome: Outcome
    status: str = ""


@dataclass(frozen=True, repr=False)
class ReturnAddresses:
    """The addresses that letters are sent from: ``address`` is where all of them arrive, ``key`` signs the tokens."""

    address: str
    key: bytes

    def make_address(self, message_id: str) -> str:
        """Where the letter with this Message-ID comes back to: bounces+TOKEN@exchange.example."""
        local, _, domain = self.address.rpartition("@")
        token = make_token(self.key, message_id)
        return f"{local}+{token}@{domain}" if token else self.address


def make_token(key: bytes, message_id: str) -> str:
    """The token of a letter; empty where its Message-ID is none of ours."""
    found = _MESSAGE_ID.fullmatch(message_id)
    return _write_token(key, bytes.fromhex(found[1])) if found else ""


def _write_token(key: bytes, digest: bytes) -> str:
    signature = hmac.new(key, b"letter:" + digest, sha256).digest()[:_SIGNED_BYTES]
    return b32encode(digest + signature).decode().lower()


def find_letter(key: bytes, raw: bytes) -> str:
    """What names the letter that a report is about in its Message-ID: 40 hexadecimal digits; empty where none does.

    Tokens are compared in constant time, and one that was made up names no letter.
    """
    tokens = dict.fromkeys(one.lower() for one in _TOKEN.findall(raw[:READ_BYTES].decode("latin-1")))
    for token in tokens:
        digest = b32decode(token.upper())[:-_SIGNED_BYTES]
        if hmac.compare_digest(_write_token(key, digest), token):
            return digest.hex()
    return ""


def read_report(raw: bytes) -> DeliveryReport:
    """What a message says became of a letter: in the form of RFC 3464, or as mail servers of old wrote it.

    A server that has given up says *failed*, though its last reason were a passing one. Raises `Invalid` for a message
    that is no report.
    """
    try:
        message = message_from_bytes(_INTERNATIONAL.sub(b"message/delivery-status", raw[:READ_BYTES]))
        reports = [_read_block(block) for block in _list_blocks(message)]
    except RecursionError:  # parts within parts, hundreds of them
        raise Invalid([Fault("body", NO_REPORT)]) from None
    for outcome in (Outcome.RETURNED, Outcome.DELAYED):
        if found := next((one for one in reports if one.outcome is outcome), None):
            return found
    return DeliveryReport(Outcome.NOTHING) if reports else _guess_report(message)


def _list_blocks(message: Message) -> Iterator[Message]:
    """The blocks of a report that are about a recipient."""
    for part in message.walk():
        blocks = part.get_payload() if part.get_content_type() == "message/delivery-status" else None
        for block in blocks if isinstance(blocks, list) else ():
            if isinstance(block, Message) and block["Action"] is not None:
                yield block


def _read_block(block: Message) -> DeliveryReport:
    action, status = _WORD.match(str(block["Action"])), _STATUS.search(str(block["Status"]))
    outcome = _OUTCOMES.get(action[1].lower() if action else "", Outcome.NOTHING)
    return DeliveryReport(outcome, status[0] if status else "")


def _guess_report(message: Message) -> DeliveryReport:
    """Of a message without the blocks of RFC 3464."""
    try:
        delayed, returned = all_failures(message)
    except Exception:  # a rule that stumbles over what somebody sent: it is no report then
        delayed = returned = frozenset()
    if returned or delayed:
        return DeliveryReport(Outcome.RETURNED if returned else Outcome.DELAYED)
    if str(message["Auto-Submitted"]).lower().startswith("auto-replied"):
        return DeliveryReport(Outcome.NOTHING)
    raise Invalid([Fault("body", NO_REPORT)])
