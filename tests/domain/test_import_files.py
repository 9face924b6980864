"""Earlier years in a CSV: how its columns and cells are read, and what each row at fault is told (E10)."""

from io import BytesIO, TextIOWrapper

import pytest

from domain.programs.import_files import MOST_ROWS, ReadRow, check_lines, read_header
from domain.shared.documents.faults import Invalid

HEADER = "kind,email,first_name,last_name,npn,plan_year,registered,trained,certified,lms_account,portal_account"
ROW = "broker,testa@example.com,Testa,Example,1234567,2023,true,true,true,lms-7,yes"


def read(text: str, program: str = "bewellnm") -> list[ReadRow]:
    lines = text.splitlines(keepends=True)
    return list(read_header(lines, program).read_rows(lines))


def faults(text: str) -> list[tuple[str, str]]:
    (row,) = read(text)
    assert row.person is None
    return [(fault.field, fault.code) for fault in row.faults]


def file_faults(text: str) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        read_header(text.splitlines(keepends=True), "bewellnm")
    return [(fault.field, fault.code) for fault in refused.value.faults]


def test_e10_a_row_is_a_person_with_a_year() -> None:
    (row,) = read(f"{HEADER}\r\n{ROW}\r\n")
    assert row.number == 2
    assert row.person is not None
    described = row.person.describe()
    said = {
        "kind": "broker",
        "email": "testa@example.com",
        "first_name": "Testa",
        "last_name": "Example",
        "npn": "1234567",
    }
    assert described.pop("person").items() >= said.items()
    assert described == {
        "program": "bewellnm",
        "years": [{"plan_year": 2023, "registered": True, "trained": True, "certified": True}],
        "lms_account": "lms-7",
        "portal_account": True,
    }


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_e10_either_delimiter_and_a_mark_of_utf8_are_taken(delimiter: str, mark: bytes) -> None:
    text = f"{HEADER}\n{ROW}\n".replace(",", delimiter).replace("Testa,", "Iñés,")
    lines = TextIOWrapper(BytesIO(mark + text.encode()), "utf-8-sig", newline="")
    file = read_header(lines, "bewellnm")
    lines.seek(0)
    assert check_lines(lines, file.delimiter) == 2
    lines.seek(0)
    (row,) = file.read_rows(lines)
    assert row.person is not None
    assert row.person.years[0].plan_year == 2023


def test_e10_columns_are_known_by_other_spellings_and_other_fields_of_the_form_come_along() -> None:
    address = "Business_Address.City;business_address.state;business_address.line1;business_address.postal_code"
    header = f"Kind;E-mail Address;First Name;Surname;Plan Year;Insurers;{address}"
    (row,) = read(f"{header}\nagent;a@example.com;Ana;Example;2022;Sample Health;Santa Fe;NM;1 Sample Street;87501\n")
    assert row.person is not None
    extra = row.person.person.model_dump()
    assert (extra["insurers"], extra["business_address"]["city"]) == (["Sample Health"], "Santa Fe")


def test_e10_an_apostrophe_that_keeps_text_from_being_a_formula_is_taken_off_again() -> None:
    (row,) = read(f"{HEADER},phone\n{ROW},'+1 505 555 0100\n")
    assert row.cells[-1] == "+1 505 555 0100"
    (named,) = read(f"{HEADER}\n{ROW}\n".replace("Example", "'t Example"))
    assert named.cells[3] == "'t Example"


def test_e10_rows_of_another_program_say_so() -> None:
    header = "program,kind,email,first_name,last_name,npn,plan_year,individual_market"
    rows = read(
        f"{header}\nffm,broker,a@example.com,Ana,Example,12345,2023,yes\n,broker,b@example.com,Ben,Example,,2023,\n"
    )
    assert [row.person.program if row.person else None for row in rows] == ["ffm", "bewellnm"]


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ("testa@example.com", "nobody", [("email", "email")]),
        ("2023", "last year", [("plan_year", "number")]),
        (",true,true,true", ",true,perhaps,true", [("trained", "yes_or_no")]),
        (",true,true,true", ",false,true,true", [("certified", "year_impossible")]),
        ("broker", "dealer", [("kind", "choice")]),
        ("1234567", "12345678901", [("npn", "npn")]),
        ("Testa", "", [("first_name", "required")]),
        (",yes", "", [("row", "cell_count")]),
        ("Testa", "T" * 5000, [("first_name", "too_long")]),
        ("Testa", "Te\0sta", [("row", "control_characters")]),
    ],
)
def test_e10_a_row_at_fault_names_its_columns(before: str, after: str, wanted: list[tuple[str, str]]) -> None:
    assert faults(f"{HEADER}\n{ROW.replace(before, after, 1)}\n") == wanted


def test_e10_a_file_whose_columns_are_not_understood_is_refused_as_a_whole() -> None:
    assert file_faults(f"{HEADER},certifed\n") == [("certifed", "column_unknown")]
    assert file_faults(f"{HEADER},Email\n") == [("email", "column_twice")]
    assert file_faults(HEADER.replace("plan_year,", "")) == [("plan_year", "column_missing")]
    assert file_faults(f"{HEADER},{'a' * 200_000}\n") == [("file", "no_csv")]
    assert [field for field, _ in file_faults("")] == ["kind", "email", "first_name", "last_name", "plan_year"]


@pytest.mark.timeout(60)
def test_e10_a_header_of_one_column_again_and_again_is_refused_at_once() -> None:
    assert file_faults(f"{HEADER}{',npn' * 30_000}\n") == [("npn", "column_twice")]


def test_e10_what_is_not_utf8_or_no_csv_is_refused_before_anything_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    latin = TextIOWrapper(BytesIO(f"{HEADER}\n".encode() + b"Mu\xf1oz\n"), "utf-8-sig", newline="")
    with pytest.raises(Invalid, match="not in UTF-8"):
        check_lines(latin, ",")
    with pytest.raises(Invalid, match="Row 2 can't be read"):
        check_lines([f"{HEADER}\n", '"' + "a" * 200_000], ",")
    monkeypatch.setattr("domain.programs.import_files.MOST_ROWS", 2)
    with pytest.raises(Invalid, match="at most 2"):
        check_lines([f"{HEADER}\n"] * 3, ",")
    assert MOST_ROWS >= 100_000


def test_e10_a_file_of_refused_rows_is_taken_again_with_what_it_says_of_them() -> None:
    rows = read(f"{HEADER},row,field,error\n{ROW},7,email,email: Enter an e-mail address.\n\n ,,,\n")
    assert [row.person is not None for row in rows] == [True]
