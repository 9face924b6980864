"""What becomes of a request of a public form, other than a new case: told by mail alone, to its address (D4)."""

from enum import StrEnum


class RequestAnswer(StrEnum):
    """Repeated: its case is there already. Refused: it may not come in. Conflict: it gives somebody else's identity."""

    REPEATED = "repeated"
    REFUSED = "refused"
    CONFLICT = "conflict"
