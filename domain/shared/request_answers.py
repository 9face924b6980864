"""What is told by mail alone: what becomes of a request of a public form, and that an address was changed (D4, D6)."""

from enum import StrEnum


class RequestAnswer(StrEnum):
    """Repeated: its case is there already. Refused: it may not come in. Conflict: it gives somebody else's identity.

    Address changed: told to the one before.
    """

    REPEATED = "repeated"
    REFUSED = "refused"
    CONFLICT = "conflict"
    ADDRESS_CHANGED = "address_changed"
