"""What is told by mail alone: what becomes of a request of a public form, of a claim, of an address (D3, D4, D6)."""

from enum import StrEnum


class RequestAnswer(StrEnum):
    """Repeated: its case is there already. Refused: it may not come in. Conflict: it gives somebody else's identity.

    Address changed: told to the one before. Of a claim: somebody else has proven the NPN; staff hold two claimants
    for one person, or for two.
    """

    REPEATED = "repeated"
    REFUSED = "refused"
    CONFLICT = "conflict"
    ADDRESS_CHANGED = "address_changed"
    NPN_TAKEN = "npn_taken"
    SAME_PERSON = "same_person"
    SOMEONE_ELSE = "someone_else"
