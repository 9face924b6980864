"""The registry's XML becomes a producer, or an exception: never a guess."""

import hashlib
from datetime import date

import httpx2
import pytest
from pytest_httpserver import HTTPServer

from adapters.http import Refused, Unavailable
from adapters.registry import PATH, RegistryClient, parse_answer
from domain.shared.licensing import License
from tests.adapters.conftest import everything_said

NPN = "9000000001"
NOT_FOUND = "<PDB><ERROR><DESCRIPTION>No entity was found for the identifier given</DESCRIPTION></ERROR></PDB>"
ENTITIES = '<!DOCTYPE PDB [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><PDB><ERROR>&b;</ERROR></PDB>'
EXTERNAL = '<!DOCTYPE PDB [<!ENTITY x SYSTEM "file:///etc/hostname">]><PDB><ERROR>&x;</ERROR></PDB>'
DTD = '<!DOCTYPE PDB SYSTEM "http://127.0.0.1:9/pdb.dtd"><PDB/>'


def license_xml(
    number: str = "L-1", expires: str = "04/30/2027", residency: str = "R", active: str = "Yes", details: str = ""
) -> str:
    return (
        f"<LICENSE><LICENSE_NUM>{number}</LICENSE_NUM><DATE_EXPIRE_LICENSE>{expires}</DATE_EXPIRE_LICENSE>"
        f"<RESIDENCY_STATUS>{residency}</RESIDENCY_STATUS><ACTIVE>{active}</ACTIVE><DETAILS>{details}</DETAILS></LICENSE>"
    )


def line_xml(line: str, status: str = "Active") -> str:
    return f"<DETAIL><LOA>{line}</LOA><STATUS>{status}</STATUS></DETAIL>"


def report(states: str = "", entity: str = "INDIVIDUAL", biographic: str | None = None) -> str:
    who = "<NAME_LAST>Broker</NAME_LAST><NAME_FIRST>Testa</NAME_FIRST>" if biographic is None else biographic
    return (
        f"<PDB><PRODUCER><{entity}><ENTITY_BIOGRAPHIC><BIOGRAPHIC>{who}</BIOGRAPHIC></ENTITY_BIOGRAPHIC>"
        f"<PRODUCER_LICENSING><LICENSE_INFORMATION>{states}</LICENSE_INFORMATION></PRODUCER_LICENSING>"
        f"</{entity}></PRODUCER></PDB>"
    )


def state(name: str, *licenses: str) -> str:
    return f'<STATE name="{name}">{"".join(licenses)}</STATE>'


@pytest.fixture
def registry(http: httpx2.AsyncClient, httpserver: HTTPServer) -> RegistryClient:
    return RegistryClient(http, httpserver.url_for("/"), "exchange", "secret")


async def test_a_producer_is_looked_up_by_npn(registry: RegistryClient, httpserver: HTTPServer) -> None:
    body = report(state("NM", license_xml(details=line_xml("Accident and Health"))))
    headers = {"Authorization": httpx2.BasicAuth("exchange", "secret")._auth_header}
    httpserver.expect_oneshot_request(PATH, "GET", headers=headers, query_string={"id_entity": NPN}).respond_with_data(
        body, content_type="text/xml"
    )
    answer = await registry.look_up_npn(NPN)
    assert answer.raw == body.encode()
    assert answer.sha256 == hashlib.sha256(body.encode()).hexdigest()
    assert answer.producer is not None
    assert answer.producer.model_dump() == {
        "npn": NPN,
        "entity": "individual",
        "first_name": "Testa",
        "last_name": "Broker",
        "suffix": "",
        "company": "",
        "contact_emails": (),
        "licenses": (
            {
                "state": "NM",
                "number": "L-1",
                "residency": "resident",
                "active": True,
                "expires": date(2027, 4, 30),
                "lines": ("Accident and Health",),
                "ended_lines": (),
            },
        ),
    }


def test_every_licence_of_every_state_is_read() -> None:
    states = (
        state("NM", license_xml("NM-1", active="No", expires="01/31/2020"), license_xml("NM-2"))
        + state("TX", license_xml("TX-1", residency="N"))
        + state("NM", license_xml("NM-3"))
        + state("UT")
    )
    producer = parse_answer(report(states).encode(), NPN)
    assert producer is not None
    assert [(held.state, held.number, held.active) for held in producer.licenses] == [
        ("NM", "NM-1", False),
        ("NM", "NM-2", True),
        ("TX", "TX-1", True),
        ("NM", "NM-3", True),
    ]
    assert producer.licenses[2].residency == "nonresident"


def test_a_firm_says_so() -> None:
    body = report(entity="FIRM", biographic="<NAME_COMPANY>Sample Agency &amp; Co</NAME_COMPANY>")
    producer = parse_answer(body.encode(), NPN)
    assert producer is not None
    assert (producer.entity, producer.company, producer.last_name) == ("firm", "Sample Agency & Co", "")


def test_a_line_that_is_not_active_does_not_count() -> None:
    details = line_xml("Life", "Inactive") + line_xml("Accident and Health", "") + line_xml("", "Active")
    producer = parse_answer(report(state("NM", license_xml(details=details))).encode(), NPN)
    assert producer is not None
    assert producer.licenses[0].lines == ("Accident and Health",)
    assert producer.licenses[0].ended_lines == ("Life",)


def test_p20_an_answer_that_pads_its_npn_is_about_it() -> None:
    body = report(biographic=f"<NAME_LAST>Broker</NAME_LAST><NPN>00{NPN}</NPN>")
    producer = parse_answer(body.encode(), NPN)
    assert producer is not None
    assert producer.npn == NPN


def test_what_is_left_out_stays_unknown() -> None:
    producer = parse_answer(report(state("NM", license_xml(expires="", residency=""))).encode(), NPN)
    assert producer is not None
    assert producer.licenses == (
        License(state="NM", number="L-1", residency=None, active=True, expires=None, lines=()),
    )


async def test_nobody_by_that_npn_is_an_answer(registry: RegistryClient, httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH).respond_with_data(NOT_FOUND, content_type="text/xml")
    answer = await registry.look_up_npn(NPN)
    assert answer.producer is None
    assert answer.raw == NOT_FOUND.encode()


UNREADABLE = {
    "nothing": "",
    "not XML": "\x00\xff garbage",
    "JSON": '{"npn": "9000000001"}',
    "a page": "<html><body>Maintenance</body></html>",
    "cut off": report(state("NM", license_xml()))[:-20],
    "entities": ENTITIES,
    "an external entity": EXTERNAL,
    "a document type": DTD,
    "an unknown encoding": '<?xml version="1.0" encoding="x-nonsense"?><PDB/>',
    "deep nesting": "<PDB>" + "<A>" * 100_000 + "</A>" * 100_000 + "</PDB>",
    "nobody, without an error": "<PDB/>",
    "an error of its own": "<PDB><ERROR><DESCRIPTION>System unavailable</DESCRIPTION></ERROR></PDB>",
    "two producers": "<PDB><PRODUCER><INDIVIDUAL/><FIRM/></PRODUCER></PDB>",
    "no biography": "<PDB><PRODUCER><INDIVIDUAL/></PRODUCER></PDB>",
    "somebody else": report(biographic="<NPN>9000000002</NPN><NAME_LAST>Other</NAME_LAST>"),
    "a day that isn't": report(state("NM", license_xml(expires="02/30/2027"))),
    "another order of dates": report(state("NM", license_xml(expires="2027-04-30"))),
    "an unknown residency": report(state("NM", license_xml(residency="X"))),
    "an unknown activity": report(state("NM", license_xml(active="Pending"))),
    "no activity": report(state("NM", license_xml(active=""))),
    "no number": report(state("NM", license_xml(number=" "))),
    "no state": report("<STATE>" + license_xml() + "</STATE>"),
    "a state's full name": report(state("New Mexico", license_xml())),
    "one bad licence among good": report(state("NM", license_xml(), license_xml(expires="soon"))),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
async def test_an_answer_we_cannot_read_in_full_is_refused(
    registry: RegistryClient, httpserver: HTTPServer, body: str
) -> None:
    httpserver.expect_request(PATH).respond_with_data(body.encode("latin-1"), content_type="text/xml")
    with pytest.raises(Refused) as raised:
        await registry.look_up_npn(NPN)
    assert raised.value.code == "registry_unreadable"
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    for secret in (NPN, "Testa", "L-1", "Other"):
        assert secret not in str(raised.value) + repr(raised.value)


async def test_an_oversized_answer_is_refused(registry: RegistryClient, httpserver: HTTPServer) -> None:
    many = "".join(license_xml(f"NM-{n}") for n in range(10_000))
    httpserver.expect_request(PATH).respond_with_data(report(state("NM", many)), content_type="text/xml")
    with pytest.raises(Refused, match="registry_unreadable"):
        await registry.look_up_npn(NPN)


@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [
        (401, Refused, "registry_refused"),
        (429, Unavailable, "registry_unreachable"),
        (503, Unavailable, "registry_unreachable"),
    ],
)
async def test_an_unreachable_registry_is_not_a_missing_licence(
    registry: RegistryClient, httpserver: HTTPServer, status: int, expected: type[Unavailable | Refused], code: str
) -> None:
    httpserver.expect_request(PATH).respond_with_data("", status=status)
    with pytest.raises(expected) as raised:
        await registry.look_up_npn(NPN)
    assert raised.value.code == code
    assert NPN not in everything_said(raised.value)


async def test_a_silent_registry(http: httpx2.AsyncClient, unused_tcp_port: int) -> None:
    registry = RegistryClient(http, f"http://127.0.0.1:{unused_tcp_port}", "exchange", "secret")
    with pytest.raises(Unavailable) as raised:
        await registry.look_up_npn(NPN)
    assert NPN not in everything_said(raised.value)
