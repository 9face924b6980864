"""JSON is read exactly, and two spellings of one document are one document (C4, C5)."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from domain.shared.documents.faults import Invalid
from domain.shared.documents.parsing import read_json, write_canonical

numbers = st.decimals(allow_nan=False, allow_infinity=False, places=6) | st.integers()
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def spelled(value: Any) -> str:
    """JSON with numbers in their exact digits."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {spelled(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(spelled, value)) + "]"
    return json.dumps(value)


@given(document=values)
def test_c5_what_is_read_is_what_was_written(document: Any) -> None:
    assert write_canonical(read_json(spelled(document).encode())) == write_canonical(document)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a": 1, "b": 2}', '{"b": 2,\n "a": 1}'),
        ("0.80", "0.8"),
        ("0.8", "8e-1"),
        ("100", "1e2"),
        ("100", "100.0"),
        ("0", "-0.0"),
        ("1E400", "10E399"),
        ('"\\u00f1"', '"ñ"'),
        ('"\\/"', '"/"'),
        ("[1, 2.50]", "[1.0, 2.5]"),
    ],
)
def test_c5_spellings_of_the_same_document_are_the_same(one: str, other: str) -> None:
    assert write_canonical(read_json(one.encode())) == write_canonical(read_json(other.encode()))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0.8", '"0.8"'),
        ("1", "true"),
        ("0", "false"),
        ("null", '"null"'),
        ("[1, 2]", "[2, 1]"),
        ("{}", "[]"),
        ('{"a": null}', "{}"),
        ("0.8", "0.80000000000000000000000000000000000001"),
        ("1000000000000000000000000000000000000001", "1000000000000000000000000000000000000002"),
        ("-1", "1"),
    ],
)
def test_c5_different_documents_are_different(one: str, other: str) -> None:
    assert write_canonical(read_json(one.encode())) != write_canonical(read_json(other.encode()))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"kind=broker",
        b"\xff\xfe{}",
        b'{"plan_year": NaN}',
        b"{'a': 1}",
        b'{"a": 1} {"b": 2}',
        b'{"a": 1, "a": 1}',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"[1,]",
        b'"\xff"',
        '"a"'.encode("utf-16"),
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b"1e99999999999999999999999",
        b"9" * 5000,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' * 40_000 + b"1" + b"}" * 40_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_c4_what_is_no_json_document_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        read_json(body)


def test_c4_a_nul_character_is_refused_since_not_every_database_keeps_it() -> None:
    for body in (b'"\\u0000"', b'{"a": ["\\u0000"]}', b'{"\\u0000": 1}'):
        with pytest.raises(Invalid):
            read_json(body)
    assert read_json(b'"\\\\u0000"') == "\\u0000"


def test_a21_decimals_keep_every_digit() -> None:
    assert read_json(b"0.79999999999999999999999999999999999999") == Decimal("0.79999999999999999999999999999999999999")
