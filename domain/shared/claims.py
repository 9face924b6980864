"""Claims on an NPN: what proves one, and when a proof can't be taken (D2, D3)."""

from dataclasses import dataclass
from enum import StrEnum

from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import ENDED
from domain.shared.licensing import Producer

# The address a case was asked for with is the one at which the licence registry reaches the NPN's owner.
BY_REGISTRY_EMAIL = "registry_email"
# A code that was sent to that address was typed in on the case's own pages.
BY_REGISTRY_CODE = "registry_code"
# An identity provider that proofs identity vouches for a name, which is the one that the registry has for the NPN.
BY_IDENTITY_PROVIDER = "identity_provider"
# What proves that somebody is the owner whom the registry names.
BY_REGISTRY = frozenset([BY_REGISTRY_EMAIL, BY_REGISTRY_CODE, BY_IDENTITY_PROVIDER])


class ClaimState(StrEnum):
    """How far somebody's claim on an NPN has come; those of before claims were proven are ``unproven_legacy``."""

    CLAIMED = "claimed"
    PROVEN = "proven"
    UNPROVEN_LEGACY = "unproven_legacy"


class IdentityFault(StrEnum):
    """Why an identity provider's word proves no NPN: not trusted, less sure than asked for, for another name.

    ``ANOTHERS``: somebody else has proven an NPN with the same identity, and nobody is two people.
    """

    NOT_TRUSTED = "not_trusted"
    NOT_PROOFED = "not_proofed"
    OTHER_NAME = "other_name"
    ANOTHERS = "anothers"


@dataclass(frozen=True, repr=False)
class RegisteredOwner:
    """Whom the licence registry has for an NPN: ``emails`` in lower case; empty where it has nobody or no address.

    ``npn`` is the one that it was asked about: an answer that comes late says nothing of another.
    """

    npn: str | None
    emails: tuple[str, ...] = ()
    first_name: str = ""
    last_name: str = ""


def read_owner(npn: str | None, producer: Producer | None) -> RegisteredOwner:
    """The owner of an NPN as the registry's answer describes them."""
    if producer is None:
        return RegisteredOwner(npn)
    return RegisteredOwner(npn, producer.contact_emails, producer.first_name, producer.last_name)


@dataclass(frozen=True)
class NpnProof:
    """How it was proven whose an NPN is, and by whom; ``document`` is what staff have seen.

    ``written_in`` is the language of the reason, None for English.
    """

    method: str
    by: str
    document: str | None = None
    reason: str | None = None
    written_in: str | None = None


def find_proof_refusal(npn: str | None, stage: str, *, is_settled: bool, is_taken: bool) -> Reason | None:
    """Why it can't be proven whose an NPN is; None where it can.

    ``is_settled``: the case goes by its person's own address; ``is_taken``: somebody else has proven the NPN.
    """
    if npn is None:
        return Reason("npn_missing")
    if stage in ENDED:
        return Reason("case_ended", {"stage": stage})
    if is_taken:
        return Reason("npn_proven_by_other")
    return None if is_settled else Reason("identity_unsettled")


def mask_email(email: str) -> str:
    """An address as a stranger may see it: its first letter, its domain's first letter, and the domain's end."""
    name, _, domain = email.partition("@")
    host, _, end = domain.rpartition(".")
    return f"{name[:1]}•••@{host[:1]}•••.{end}"
