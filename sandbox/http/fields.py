"""The kinds of field that the bodies of several stand-ins have."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field


def _replace_null(value: Any) -> Any:
    return "" if value is None else value


EmailAddress = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
ShortText = Annotated[str, Field(min_length=1, max_length=200)]
# Put before a `str`: a field that is null counts as left empty.
NULL_IS_EMPTY = BeforeValidator(_replace_null)
