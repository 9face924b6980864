"""The registry's alerts: what is asked of them, and the NPNs a report names, or an exception: never a guess (E1)."""

import base64
from datetime import date
from xml.etree import ElementTree as Xml

import httpx2
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from adapters.http import Refused, Unavailable
from adapters.registry_alerts import NAMESPACE, PATH, RegistryAlertsClient, parse_report

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
DAY = date(2026, 11, 19)
ANSWER = (
    f'<soap:Envelope xmlns:soap="{ENVELOPE}"><soap:Body><receiveSpecificReportResponse xmlns="{NAMESPACE}">'
    "<alertsReport><alertsReport>{}</alertsReport></alertsReport></receiveSpecificReportResponse></soap:Body></soap:Envelope>"
)
INCLUDE = '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:r"/>'
RELATED = 'multipart/related; type="application/xop+xml"; boundary=b; start="<root>"'


def person(npn: str, kind: str = "NAICProducerCode") -> str:
    return (
        f"<Person key='p'><ExternalIdentifier><TypeCode>{kind}</TypeCode><Id>{npn}</Id></ExternalIdentifier></Person>"
    )


def report(*people: str) -> str:
    return (
        "<a:LicensingReportProcessResult xmlns:a='urn:a'><LicensingReport>"
        f"{''.join(people)}<JurisdictionReport/></LicensingReport></a:LicensingReportProcessResult>"
    )


def attached(*reports: str | bytes) -> bytes:
    parts = [ANSWER.format(INCLUDE), *reports]
    body = b"".join(
        b"--b\r\nContent-Type: text/xml\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        + (part.encode() if isinstance(part, str) else part)
        + b"\r\n"
        for part in parts
    )
    return body + b"--b--\r\n"


def written(text: str) -> bytes:
    return ANSWER.format(base64.b64encode(text.encode()).decode()).encode()


@pytest.fixture
def alerts(http: httpx2.AsyncClient, httpserver: HTTPServer) -> RegistryAlertsClient:
    return RegistryAlertsClient(http, httpserver.url_for("/"), "exchange", "secret", "exchange@example.org")


def test_e1_a_report_names_npns_each_once_whatever_else_it_says() -> None:
    people = person("9000000001"), person("0009000000002"), person("9000000001"), person("9", "FEIN"), person("none")
    assert parse_report(RELATED, attached(report(*people))) == ("9000000001", "9000000002")


def test_e1_reports_of_several_kinds_are_all_read() -> None:
    regulatory = report(person("9000000003")).replace("Licensing", "RegulatoryAction")
    assert parse_report(RELATED, attached(report(person("9000000001")), regulatory)) == ("9000000001", "9000000003")


def test_e1_a_report_that_is_written_into_the_envelope_is_the_same() -> None:
    assert parse_report("text/xml", written(report(person("9000000001")))) == ("9000000001",)
    assert parse_report("text/xml", written(report())) == ()


BOMB = "<!DOCTYPE r [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><AReportProcessResult>&b;</AReportProcessResult>"
UNREADABLE = {
    "nothing": ("text/xml", b""),
    "garbage": ("text/xml", b"\x00\xff<<<"),
    "a page": ("text/html", b"<html/>"),
    "no report": ("text/xml", ANSWER.format("").encode()),
    "no base64": ("text/xml", ANSWER.format("???").encode()),
    "nothing attached": (RELATED, attached()),
    "not XML attached": (RELATED, attached(b"\x00\xff")),
    "cut off": (RELATED, attached(report(person("9000000001"))[:-20])),
    "entities": (RELATED, attached(BOMB)),
    "another document": (RELATED, attached("<PDB/>")),
    "no boundary": ("multipart/related", b"--b"),
}


@pytest.mark.parametrize(("media_type", "body"), UNREADABLE.values(), ids=UNREADABLE)
def test_e1_what_cannot_be_read_names_nobody(media_type: str, body: bytes) -> None:
    with pytest.raises(Refused, match="registry_alerts_unreadable"):
        parse_report(media_type, body)


async def test_e1_each_call_says_what_it_wants(alerts: RegistryAlertsClient, httpserver: HTTPServer) -> None:
    seen: list[tuple[str, str, list[str]]] = []

    def answer(request: Request) -> Response:
        assert request.authorization is not None
        assert (request.authorization.username, request.authorization.password) == ("exchange", "secret")
        (call,) = Xml.fromstring(request.data).iterfind(f"{{{ENVELOPE}}}Body/*")
        words = [text for one in call.iter() if (text := (one.text or "").strip())]
        seen.append((request.headers["SOAPAction"], call.tag, words))
        return Response(attached(report(person("9000000001"))), content_type=RELATED)

    httpserver.expect_request(PATH, "POST").respond_with_handler(answer)
    await alerts.add_subscription("certified-0001")
    await alerts.add_targets("certified-0001", ["9000000001", "9000000002"])
    await alerts.remove_targets("certified-0001", ["9000000002"])
    assert await alerts.read_report(DAY) == ("9000000001",)
    assert [(action, tag) for action, tag, _ in seen] == [
        (f'"{NAMESPACE}/{name}"', f"{{{NAMESPACE}}}{name}")
        for name in ("addSubscription", "addTargets", "removeTargets", "receiveSpecificReport")
    ]
    assert seen[0][2][:2] == ["certified-0001", "exchange@example.org"]
    assert seen[1][2] == ["certified-0001", "NPN", "9000000001", "9000000002"]
    assert seen[2][2] == ["certified-0001", "NPN", "9000000002"]
    assert seen[3][2] == ["2026-11-19"]


async def test_e1_a_fault_is_another_time_s(alerts: RegistryAlertsClient, httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH).respond_with_data("<Fault/>", status=500)
    with pytest.raises(Unavailable, match="registry_alerts_unreachable"):
        await alerts.read_report(DAY)


async def test_e1_a_subscription_that_is_there_is_no_failure_and_silence_is_one(
    alerts: RegistryAlertsClient, httpserver: HTTPServer
) -> None:
    fault = "<s:Fault><faultstring>%s</faultstring></s:Fault>"
    envelope = f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Body>{fault}</s:Body></s:Envelope>'
    httpserver.expect_oneshot_request(PATH).respond_with_data(envelope % "In words nobody has published", status=500)
    await alerts.add_subscription("certified-0001")
    for answer, status in (("<Fault/>", 500), ("<html>", 500), ("<!DOCTYPE a><a/>", 500), (envelope % "Later", 503)):
        httpserver.expect_oneshot_request(PATH).respond_with_data(answer, status=status)
        with pytest.raises(Unavailable, match="registry_alerts_unreachable"):
            await alerts.add_subscription("certified-0001")
    httpserver.expect_oneshot_request(PATH).respond_with_data(envelope % "There is none", status=500)
    with pytest.raises(Unavailable, match="registry_alerts_unreachable"):
        await alerts.add_targets("certified-0001", ["9000000001"])


async def test_e1_an_answer_is_bounded(
    alerts: RegistryAlertsClient, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.registry_alerts.MOST_BYTES", 1000)
    httpserver.expect_request(PATH).respond_with_data(b"x" * 1001, content_type="text/xml")
    with pytest.raises(Refused, match="registry_alerts_unreadable"):
        await alerts.read_report(DAY)
