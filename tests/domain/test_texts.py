"""What somebody writes freely is taken or refused alike by form, API and command line."""

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.shared.documents.texts import LONGEST_TEXT, OptionalText, Text, find_text_faults


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("license and NPN are in order", None),
        ("one line\nand another\twith a tab", None),
        ("á" * LONGEST_TEXT, None),
        (" \n", "required"),
        ("á" * (LONGEST_TEXT + 1), "too_long"),
        ("a bell \x07", "control_characters_in_text"),
        ("another \x85 kind", "control_characters_in_text"),
    ],
)
def test_form_and_api_agree_on_a_text(text: str, code: str | None) -> None:
    assert [fault.code for fault in find_text_faults("reason", text)] == ([code] if code else [])
    try:
        TypeAdapter(Text).validate_python(text)
        is_taken = True
    except ValidationError:
        is_taken = False
    assert is_taken is (code is None)


def test_a_text_that_is_left_out_may_be_empty() -> None:
    assert TypeAdapter(OptionalText).validate_python(" ") == ""
