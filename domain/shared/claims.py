"""Claims on an NPN: what proves one, and when a proof can't be taken (D2, D3)."""

from dataclasses import dataclass
from enum import StrEnum

from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import ENDED

# The address a case was asked for with is the one at which the licence registry reaches the NPN's owner.
BY_REGISTRY_EMAIL = "registry_email"


class ClaimState(StrEnum):
    """How far somebody's claim on an NPN has come; those of before claims were proven are ``unproven_legacy``."""

    CLAIMED = "claimed"
    PROVEN = "proven"
    UNPROVEN_LEGACY = "unproven_legacy"


class ProofMethod(StrEnum):
    """How staff have seen whose an NPN is."""

    PAPER = "paper"
    IN_PERSON = "in_person"
    OTHER = "other"


@dataclass(frozen=True)
class NpnProof:
    """How it was proven whose an NPN is, and by whom; ``document`` is what staff have seen."""

    method: str
    by: str
    document: str | None = None
    reason: str | None = None


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
