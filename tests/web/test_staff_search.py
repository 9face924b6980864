"""Staff's search over the real database: whom it finds, how it helps, and that no address holds its words."""

import httpx2
import pytest

from domain.programs.imports import parse_import
from domain.shared.reference_numbers import find_case_range, make_reference_number
from domain.shared.search_words import list_exchanged
from tests.support import documents
from tests.web.house import NUMBER, House
from tests.web.test_pages import read
from tests.web.test_staff_queue import rows


async def search(house: House, words: str, csrf: str) -> httpx2.Response:
    return await house.post("/staff/search", {"words": words, "csrf_token": csrf})


async def test_people_are_found_by_name_npn_e_mail_and_certificate_number(house: House) -> None:
    csrf = await house.sign_in()
    npn = documents.new_npn()
    broker = documents.broker(npn, first_name="Íñigo", last_name="Muestra-Peña")
    wanted = await house.open(broker)
    await house.open(documents.broker(first_name="Otra", last_name="Persona"))
    await house.certify(wanted)
    numbers = (npn, f"00{npn[:4]}-{npn[4:6]} {npn[6:]}", NUMBER, NUMBER.replace("-", "").lower())
    for words in ("inigo", "MUESTRA pena", "íñi mue", *numbers, broker["email"]):
        answer = await search(house, words, csrf)
        reader = read(answer)
        assert rows(answer.text) == [wanted], words
        assert "Cases found: 1" in reader.text
        assert next(field["value"] for field in reader.of("input") if field.get("id") == "words") == words


async def test_people_are_found_by_phone_license_and_case_and_with_one_typo(house: House) -> None:
    csrf = await house.sign_in()
    numbers = {"phone": "(505) 555-0142", "license_number": "NM-20417"}
    wanted = await house.open({**documents.broker(first_name="Rosalinda", last_name="Muestra"), **numbers})
    await house.open(documents.broker(first_name="Otra", last_name="Persona"))
    phones = ("505-555-0142", "+1 505 555 0142", "5055550142", "505 555 01 4")
    for words in (*phones, "nm 20417", "NM20417", wanted, wanted.upper()):
        reader = read(await search(house, words, csrf))
        assert "Cases found: 1" in reader.text, words
        assert "differs by one letter" not in reader.text
    for words in ("rosalnda", "rosallinda muestra", "Rosalinda Muesrta", "rosalimda"):
        answer = await search(house, words, csrf)
        assert rows(answer.text) == [wanted], words
        assert "Nothing has exactly these words. What was found differs by one letter," in read(answer).text
    for words in ("rosalnd muesrta", "505-555-0143", "NM-20418"):  # two typos, and numbers, which are never guessed
        assert rows((await search(house, words, csrf)).text) == [], words


async def test_an_e_mail_address_with_one_typo_before_its_at_is_found(house: House) -> None:
    csrf = await house.sign_in()
    wanted = await house.open(documents.broker(email="aurelia.muestra@example.com"))
    await house.open(documents.broker())
    for words in ("aurelia.muesrta@example.com", "aurela.muestra@example.com", "aurelia.muestraa@example.com"):
        answer = await search(house, words, csrf)
        assert rows(answer.text) == [wanted], words
        assert "Nothing has exactly these words." in read(answer).text
    assert rows((await search(house, "aurela.muesrta@example.com", csrf)).text) == [], "two typos"


async def test_two_neighbours_that_changed_places_are_found_in_a_number(house: House) -> None:
    csrf = await house.sign_in()
    npn = "80123456"
    wanted = await house.open(documents.broker(npn))
    await house.open(documents.broker())
    await house.certify(wanted)
    reference, certificate = make_reference_number(wanted), NUMBER.replace("-", "")
    exchanged = next(one for one in list_exchanged(reference) if not find_case_range(one) and one[5] == "-")
    ways = ("80213456", "8012-3465", "0080123546", exchanged, list_exchanged(certificate)[0])
    for words in ways:
        answer = await search(house, words, csrf)
        assert rows(answer.text) == [wanted], words
        assert "or by two neighboring characters that changed places." in read(answer).text
    for words in ("80123457", "81023465"):  # another digit makes another number, and so do two exchanges
        assert rows((await search(house, words, csrf)).text) == [], words


async def test_every_page_of_staff_has_the_search_in_its_head(house: House) -> None:
    csrf = await house.sign_in()
    case_id = await house.open(documents.broker(first_name="Nadia"))
    for path in ("/staff", "/staff/cases", f"/staff/cases/{case_id}", "/staff/dashboard", "/staff/own-sessions"):
        page = read(await house.browser.get(path))
        (form,) = [one for one in page.of("form") if one.get("role") == "search"]
        assert (form["method"], form["action"]) == ("post", "/staff/search"), path
        assert csrf in [one.get("value") for one in page.of("input") if one.get("name") == "csrf_token"]
    page = read(await house.browser.get("/staff/search"))
    assert len([one for one in page.of("form") if one.get("role") == "search"]) == 1


async def test_what_was_found_is_recorded_and_what_was_asked_is_not(house: House) -> None:
    csrf = await house.sign_in()
    case_id = await house.open(documents.broker(first_name="Nadia"))
    await search(house, "nadia", csrf)
    await search(house, "nobody-of-this-name", csrf)
    assert [(access.page, access.case_id) for access in await house.list_accesses()] == [("search", case_id)]


async def test_where_nothing_is_found_the_page_says_what_to_try(house: House) -> None:
    csrf = await house.sign_in()
    reader = read(await search(house, "zzz", csrf))
    assert "Nothing was found" in reader.text
    assert "the whole certificate number, with or without its dashes" in reader.text
    assert not reader.of("table")


async def test_words_in_the_address_are_not_looked_for(house: House) -> None:
    await house.sign_in()
    await house.open(documents.broker(first_name="Nadia"))
    answer = await house.browser.get("/staff/search?words=Nadia")
    assert rows(answer.text) == []
    assert next(field["value"] for field in read(answer).of("input") if field.get("id") == "words") == ""
    form = next(form for form in read(answer).of("form") if form.get("role") == "search")
    assert (form["method"], form["action"]) == ("post", "/staff/search")


@pytest.mark.parametrize("words", ["x" * 201, "a b c d e f g h i"])
async def test_more_words_than_can_be_looked_for_are_a_fault_and_stay_in_the_field(house: House, words: str) -> None:
    csrf = await house.sign_in()
    reader = read(await search(house, words, csrf), 422)
    assert next(field["value"] for field in reader.of("input") if field.get("id") == "words") == words
    assert reader.text.count("too long") or reader.text.count("at most")


async def test_nothing_asked_for_shows_the_form_again(house: House) -> None:
    csrf = await house.sign_in()
    reader = read(await search(house, "  ", csrf))
    assert "Nothing was found" not in reader.text
    assert await house.list_accesses() == []


async def test_a_search_without_the_session_s_token_finds_nothing(house: House) -> None:
    await house.sign_in()
    await house.open(documents.broker(first_name="Nadia"))
    answer = await house.browser.post("/staff/search", data={"words": "Nadia"}, headers={"Accept": "text/html"})
    assert answer.status_code == 403
    assert await house.list_accesses() == []
    assert "Nadia" not in answer.text


async def test_e10_people_known_from_an_import_alone_are_found_too(house: House) -> None:
    csrf = await house.sign_in()
    request = documents.broker(first_name="Importada")
    people = parse_import([documents.earlier(request, 2025)])
    _, (imported,) = await house.services.imports.import_people(people, "staff:ana")
    await house.open(documents.broker(first_name="Importada"))
    for words in ("importada", request["npn"]):
        reader = read(await search(house, words, csrf))
        assert "Known without a case: 1" in reader.text
        assert "Cases found: 0" not in reader.text, "neither in the heading nor in what is read out"
        assert imported["assister_id"] in reader.text
    assert "Cases found: 1" in read(await search(house, "importada", csrf)).text
    assert ("search", None) in [(access.page, access.case_id) for access in await house.list_accesses()]
    assert "Nothing was found" in read(await search(house, "nobody-of-this-name", csrf)).text
