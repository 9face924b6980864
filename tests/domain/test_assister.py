"""Who somebody is: the same name however it is spelled, and the kinds of assister (A1, A13)."""

import pytest
from hypothesis import given, strategies as st

from domain.shared.assister import Kind, is_alike_name, is_same_name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Testa", "Broker"), ("TESTA", "BROKER")),
        (("José", "Muñoz"), ("Jose", "Munoz")),
        (("Testa", "O'Sample"), ("Testa", "OSAMPLE")),
        (("Testa", "O’Sample"), ("Testa", "O'Sample")),
        (("Mary-Ann", "Sample"), ("Mary Ann", "SAMPLE")),
        (("Testa", "Sample-Ejemplo"), ("Testa", "Sample Ejemplo")),
        (("Testa", "De La Muestra"), ("Testa", "DELAMUESTRA")),
        (("Testa", "Sample Jr."), ("Testa", "Sample")),
        (("Testa", "Sample, III"), ("Testa", "Sample")),
        (("Testa", "Sample Jr. Esq."), ("Testa", "SAMPLE JR")),
        (("Testa", "Groß"), ("Testa", "GROSS")),
        (("  Testa ", "Sample"), ("Testa", "Sample")),
        (("Jose\u0301", "Sample"), ("José", "Sample")),
        (("Inventada", "Núñez Prueba"), ("INVENTADA", "NUNEZ-PRUEBA")),
        (("José María", "O'Ejemplo"), ("JOSE MARIA", "OEJEMPLO")),
        (("Testa", "Broker"), ("Testa", "Broker, Jr.")),
        (("Testa", "Broker III"), ("Testa", "Broker")),
    ],
)
def test_a13_spellings_of_one_name_are_the_same(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert is_same_name(*one, *other)
    assert is_same_name(*other, *one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Testa", "Broker"), ("Testo", "Broker")),
        (("Testa", "Broker"), ("Testa", "Brokers")),
        (("Testa", "Broker"), ("Broker", "Testa")),
        (("Testa", "Broker"), ("T.", "Broker")),
        (("Testa", "Broker"), ("", "Broker")),
        (("Testa", "Broker"), ("Testa", "")),
        (("Testa", "Jr"), ("Testa", "Sr")),
        (("V", "Sample"), ("", "Sample")),
        (("Testa", "Broker"), ("Testa", "Broker Prueba")),
        (("Testa", "Broker"), ("Tessa", "Broker")),
        (("T", "Broker"), ("Testa", "Broker")),
    ],
)
def test_a13_given_and_family_name_have_to_match_both(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert not is_same_name(*one, *other)
    assert not is_same_name(*other, *one)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (("Mary Ann", "García López"), ("MARY", "GARCIA"), True),
        (("Testa", "Broker"), ("Testa", "Broker"), True),
        (("Testa", "Broker"), ("Broker", "Testa"), False),
        (("Testa", "Broker"), ("", "Broker"), False),
        (("Testa", "Broker"), ("Tessa", "Broker"), False),
        (("Testa", "Broker"), ("Testa", "Brokers"), False),
    ],
)
def test_p19_a_name_written_shorter_is_alike(one: tuple[str, str], other: tuple[str, str], alike: bool) -> None:
    assert is_alike_name(*one, *other) is alike
    assert is_alike_name(*other, *one) is alike


@given(first=st.text(max_size=20), last=st.text(max_size=20))
def test_a13_everybody_has_their_own_name(first: str, last: str) -> None:
    assert is_same_name(first, last, first, last)


def test_a1_there_are_three_kinds_and_counselors_hold_no_licence() -> None:
    assert {kind.value: kind.is_licensed for kind in Kind} == {
        "agent": True,
        "broker": True,
        "enrollment_counselor": False,
    }
