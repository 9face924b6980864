"""The registry's stand-in over HTTP: the PDB report, the seeds, and producers that scripts add."""

from xml.etree import ElementTree as Xml

import httpx2
import pytest

from tests.support.sandbox_process import RunningSandbox

AUTH = ("registry-user", "registry-password")


async def fetch_report(http: httpx2.AsyncClient, sandbox: RunningSandbox, npn: str) -> Xml.Element:
    answer = await http.get(
        f"{sandbox.registry}/pdb-xml-reports/entityinfo_xml.cgi", params={"id_entity": npn}, auth=AUTH
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/xml")
    return Xml.fromstring(answer.content)


async def test_a_nonresident_broker_has_a_licence_in_each_state(
    http: httpx2.AsyncClient, sandbox: RunningSandbox
) -> None:
    found = await fetch_report(http, sandbox, "9000000102")
    entity = found.find("PRODUCER/INDIVIDUAL")
    assert entity is not None
    assert entity.findtext("ENTITY_BIOGRAPHIC/BIOGRAPHIC/NAME_LAST") == "Broker"
    states = {
        state.get("name"): state.findtext("LICENSE/RESIDENCY_STATUS")
        for state in entity.iterfind("PRODUCER_LICENSING/LICENSE_INFORMATION/STATE")
    }
    assert states == {"NM": "N", "TX": "R"}


async def test_two_licences_in_one_state_stand_side_by_side(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    licenses = (await fetch_report(http, sandbox, "9000000105")).findall(".//STATE[@name='NM']/LICENSE")
    assert [each.findtext("ACTIVE") for each in licenses] == ["No", "Yes"]
    assert licenses[1].findtext("DATE_EXPIRE_LICENSE") == "12/31/2034"
    assert licenses[0].findtext("DETAILS/DETAIL/STATUS") == "Inactive"


async def test_a_firms_number_says_so(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    found = await fetch_report(http, sandbox, "9000000114")
    assert found.find("PRODUCER/INDIVIDUAL") is None
    name = found.findtext("PRODUCER/FIRM/ENTITY_BIOGRAPHIC/BIOGRAPHIC/NAME_COMPANY")
    assert name == "Example Benefits Agency LLC"


@pytest.mark.parametrize("npn", ["9000000199", "0123", "not a number", ""])
async def test_a_number_nobody_has_is_an_answer_too(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, npn: str
) -> None:
    assert (await fetch_report(http, sandbox, npn)).findtext("ERROR/DESCRIPTION")


async def test_wrong_credentials_are_refused(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    url = f"{sandbox.registry}/pdb-xml-reports/entityinfo_xml.cgi?id_entity=9000000101"
    assert (await http.get(url)).status_code == 401
    assert (await http.get(url, auth=("registry-user", "wrong"))).status_code == 401


async def test_a_script_adds_a_producer_and_changes_it(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    held = {"state": "NM", "number": "NM-1", "residency": "resident", "active": True, "line": "Health"}
    producer = {
        "npn": "9000000901",
        "entity": "individual",
        "first_name": "Añadida",
        "last_name": "Prueba",
        "company": "",
        "licenses": [{**held, "expires": "2030-01-31"}],
    }
    added = await http.post(f"{sandbox.registry}/producers", json=producer)
    assert added.status_code == 201
    assert (await fetch_report(http, sandbox, "9000000901")).findtext(".//NAME_FIRST") == "Añadida"
    lapsed = {**producer, "licenses": [{**held, "active": False, "expires": "2030-01-31"}]}
    await http.post(f"{sandbox.registry}/producers", json=lapsed)
    assert (await fetch_report(http, sandbox, "9000000901")).findtext(".//ACTIVE") == "No"
    everybody = (await http.get(f"{sandbox.registry}/producers")).json()
    assert [each["npn"] for each in everybody].count("9000000901") == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"npn": "0123"}, "npn"),
        ({"npn": "12345678901"}, "npn"),
        ({"entity": "robot"}, "entity"),
        ({"last_name": ""}, "last_name"),
        ({"licenses": [{"state": "New Mexico", "number": "1"}]}, "licenses.0.state"),
        ({"licenses": [{"state": "NM", "number": "1", "expires": "soon"}]}, "licenses.0.expires"),
        ({"nickname": "T"}, "nickname"),
    ],
)
async def test_a_fault_is_named(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, change: dict[str, object], field: str
) -> None:
    producer = {"npn": "9000000902", "entity": "individual", "first_name": "Testa", "last_name": "Prueba"}
    answer = await http.post(f"{sandbox.registry}/producers", json={**producer, **change})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_firm_needs_no_persons_name_but_its_own(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    firm = {"npn": "9000000903", "entity": "firm"}
    refused = await http.post(f"{sandbox.registry}/producers", json=firm)
    assert [error["field"] for error in refused.json()["errors"]] == ["company"]
    accepted = await http.post(f"{sandbox.registry}/producers", json={**firm, "company": "Sample Firm LLC"})
    assert accepted.status_code == 201
