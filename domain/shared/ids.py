"""Ids and keys: opaque, and never derived from personal data except by a keyed hash."""

import hmac
import re
import secrets
from hashlib import sha256
from uuid import UUID, uuid4

from domain.shared.exchange import find_state_exchange
from domain.shared.programs import FEDERAL_PROGRAM

# Crockford's alphabet: none of I, L and O, which are taken for digits, nor U.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MISREAD = str.maketrans("OIL", "011")
_USER_ID = re.compile("ast_[0-9a-f]{24}")


def make_person_key(key: bytes, npn: str | None, email: str) -> str:
    """Who is the same person: equal NPN; without one, equal lower-cased e-mail (A10). A hash, in hex.

    It is keyed, since an NPN has ten digits at most: whoever reads a plain hash could try them all.
    """
    text = f"npn:{npn}" if npn else f"email:{email.lower()}"
    return hmac.new(key, text.encode(), sha256).hexdigest()


def make_claim_key(key: bytes, npn: str, email: str) -> str:
    """Who claims an NPN whose key somebody else has: equal NPN and equal lower-cased e-mail (D3). A hash, in hex."""
    return hmac.new(key, f"claim:{npn}:{email.lower()}".encode(), sha256).hexdigest()


def make_identity_digest(key: bytes, issuer: str, subject: str) -> str:
    """Whom an identity provider knows by a subject, unreadable by us and by others (D6). A hash, in hex."""
    # Neither has a line break: no two pairs make one text.
    return hmac.new(key, f"identity:{issuer}\n{subject}".encode(), sha256).hexdigest()


def make_assister_id() -> str:
    """An opaque id of a person."""
    return f"ast_{secrets.token_hex(12)}"


def read_user_id(text: str) -> str | None:
    """An id of a person as it is typed, in capitals or with spaces about it; None for anything else."""
    written = text.strip().lower()
    return written if _USER_ID.fullmatch(written) else None


def make_profile_secret(key: bytes, case_id: str) -> str:
    """By what the changes of a case's profile are kept until they are saved. A keyed hash, in hex."""
    return hmac.new(key, f"profile draft:{case_id}".encode(), sha256).hexdigest()


def make_case_id() -> str:
    """A case's id: a UUID, so that it can be an xAPI registration."""
    return str(uuid4())


def derive_case_id(draft: str) -> str:
    """The id of the case that a form opens, known before it is sent: made of its draft's secret, which it hides."""
    return str(UUID(bytes=hmac.new(draft.encode(), b"case", sha256).digest()[:16], version=4))


def make_workflow_id(program: str, plan_year: int, case_id: str) -> str:
    """The id of the workflow of a case."""
    return f"assister/{program}/{plan_year}/{case_id}"


def make_adverse_action_workflow_id(case_id: str, number: int) -> str:
    """The id of the workflow of an adverse action, the case's first, second and so on."""
    return f"adverse-action/{case_id}/{number}"


def make_appeal_workflow_id(case_id: str, number: int) -> str:
    """The id of the workflow of an appeal, the case's first, second and so on."""
    return f"appeal/{case_id}/{number}"


def make_message_id(key: str) -> str:
    """The Message-ID of the letter with this key, with its angle brackets: a resend is recognised by it."""
    return write_message_id(sha256(key.encode()).hexdigest()[:40])


def write_message_id(digest: str) -> str:
    """The Message-ID of a letter by the digits that tell it from others."""
    return f"<{digest}@certification.example>"


def make_certificate_number(program: str, plan_year: int) -> str:
    """A number that can't be guessed: 100 random bits, in groups that can be read aloud."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(20))
    groups = "-".join(letters[at : at + 5] for at in range(0, 20, 5))
    prefix = "FM" if program == FEDERAL_PROGRAM else find_state_exchange().state_code
    return f"{prefix}{plan_year % 100:02d}-{groups}"


# Who the audit names for somebody in a session of their own.
ASSISTER = "assister"
_STAFF, _SENDER = "staff:", "sender:"


def name_staff_actor(name: str) -> str:
    """Who the audit names for somebody of staff: whatever they are called, it is neither the system nor a sender."""
    return name if name.startswith(_STAFF) else f"{_STAFF}{name}"


def drop_staff_mark(actor: str) -> str:
    """The id of somebody of staff alone, without what marks them as such; anybody else as the audit names them."""
    return actor.removeprefix(_STAFF)


def name_sender_actor(sender_id: str) -> str:
    """Whom the audit names for a third party that reports."""
    return f"{_SENDER}{sender_id}"


def is_sender_actor(actor: str) -> bool:
    """Whether what was done was done by a sender, neither by staff nor by the person."""
    return actor.startswith(_SENDER)


# Who does something by `certify` without a name: it needs the database itself, and vouches as an intake partner does.
COMMAND_LINE = f"{_SENDER}certify"

CERTIFICATE_CHARACTERS = 24  # of a certificate's number, without its dashes
_GROUPED = re.compile(r"([A-Z]{2}[0-9]{2})([0-9A-Z]{5})([0-9A-Z]{5})([0-9A-Z]{5})([0-9A-Z]{5})", re.ASCII)


def parse_certificate_number(text: str) -> str:
    """A certificate's number as we write it, however somebody wrote it down.

    In capitals or small letters, with spaces, without its dashes, with O, I and L where 0 and 1 are meant.
    """
    grouped = _GROUPED.fullmatch("".join(c for c in text.upper() if c.isalnum()))
    if grouped is None:
        return "".join(text.upper().split())
    return "-".join([grouped[1], *(group.translate(MISREAD) for group in grouped.groups()[1:])])


def make_command_id(given: str | None, case_id: str) -> str:
    """The id of a command: the caller's UUID, a hash of any other id they gave (it may say anything), or a new one."""
    if not given:
        return str(uuid4())
    try:
        return str(UUID(given))
    except ValueError:
        return sha256(f"{case_id}:{given}".encode()).hexdigest()


def hash_token(token: str) -> str:
    """What is kept of a link's secret. Neither salt nor rounds: a token has 192 bits or more that nobody can try."""
    return sha256(token.encode()).hexdigest()
