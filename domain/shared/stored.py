"""What is stored as JSON, in shapes that rules read by attribute."""

from pydantic import BaseModel, ConfigDict


class StoredData(BaseModel):
    """A stored document, or a part of one.

    It was checked by its form when it came in. A shape only reads it: a form checked again would be slow, and would
    refuse today what was taken under yesterday's rules. Documents are kept for good, so that a shape only ever grows,
    by fields with defaults.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
