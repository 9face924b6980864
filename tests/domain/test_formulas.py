"""What is taken for a formula, and what isn't."""

import pytest

from domain.shared.documents.formulas import begins_formula, quote_formula


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹢", "﹦"])
@pytest.mark.parametrize("before", ["", " ", "\t", "\r\n", "\u00a0", "\ufeff", "\u200b"])
def test_a_sign_at_the_beginning_is_a_formula_whatever_hides_it(before: str, sign: str) -> None:
    assert begins_formula(f"{before}{sign}A1")
    assert quote_formula(f"{before}{sign}A1") == f"'{before}{sign}A1"


@pytest.mark.parametrize("text", ["", " ", "A=1", "Ana-María", "o'clock", "1+1", "(=1)", "ﬁ="])
def test_other_text_is_none_and_stays(text: str) -> None:
    assert not begins_formula(text)
    assert quote_formula(text) == text
