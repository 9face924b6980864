"""The adapters and the stand-ins, which never see each other's code, understand each other over HTTP and SMTP."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx2
import pytest
from pytest_httpserver import HTTPServer

from adapters.background_checks import BackgroundCheckClient
from adapters.http import Refused, Unavailable, open_client
from adapters.lists import FederalListReader
from adapters.lms import LmsClient, LmsLearner
from adapters.mail import Email, Mailer
from adapters.mlms import MlmsClient, MlmsEnrollment
from adapters.portal import PortalAccountRecord, PortalClient
from adapters.registry import RegistryClient
from adapters.registry_alerts import RegistryAlertsClient
from domain.federal.lists import COLUMNS, PublishedList
from domain.federal.markets import Market
from tests.support.sandbox_process import SECRETS, RunningSandbox, start_sandbox

REGISTRY_USER = SECRETS["CERTIFY_REGISTRY_USER"]
REGISTRY_PASSWORD = SECRETS["CERTIFY_REGISTRY_PASSWORD"]
API_KEY = SECRETS["CERTIFY_BACKGROUND_CHECKS_API_KEY"]
LMS_TOKEN = SECRETS["CERTIFY_LMS_TOKEN"]
MLMS_TOKEN = SECRETS["CERTIFY_MLMS_TOKEN"]
PORTAL_TOKEN = SECRETS["CERTIFY_PORTAL_TOKEN"]
LEARNER = {
    "registration": "00000000-0000-4000-8000-000000000010",
    "assister_id": "ast_10",
    "account": None,
    "email": "testa.broker@example.com",
    "first_name": "Testa",
    "last_name": "Broker",
    "language": "en",
    "home_page": "https://lms.example.org",
    "account_id": "https://lms.example.org/account",
    "profile_id": "https://lms.example.org/profile",
    "course_id": "https://lms.example.org/course",
    "exam_id": "https://lms.example.org/exam",
}
ENROLLMENT = {
    **{name: LEARNER[name] for name in ("registration", "assister_id", "email", "first_name", "last_name", "language")},
    "home_page": "https://mlms.example.org",
    "curriculum": "shop",
    "course_id": "https://mlms.example.org/courses/shop",
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, make_httpserver: HTTPServer) -> Iterator[RunningSandbox]:
    """The stand-ins; in the exchange's place is `httpserver`, which takes no notice of webhooks."""
    running = start_sandbox(tmp_path_factory.mktemp("mailbox"), make_httpserver.url_for("").rstrip("/"))
    yield running
    running.stop_process()


async def post_json(url: str, body: dict[str, Any]) -> None:
    async with open_client() as opened:
        (await opened.post(url, json=body)).raise_for_status()


async def test_registry(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    url = sandbox.registry
    license_ = {"state": "NM", "number": "NM-1", "residency": "nonresident", "active": True, "line": "Health"}
    body = {"npn": "9000000777", "entity": "individual", "first_name": "Testa", "last_name": "Broker", "company": ""}
    held = [license_ | {"expires": "2030-01-31"}, license_ | {"number": "NM-2", "active": False}]
    await post_json(f"{url}/producers", body | {"licenses": held})
    registry = RegistryClient(http, url, REGISTRY_USER, REGISTRY_PASSWORD)
    producer = (await registry.look_up_npn("9000000777")).producer
    assert producer is not None
    assert (producer.entity, producer.first_name, producer.last_name) == ("individual", "Testa", "Broker")
    assert [(x.state, x.number, x.residency, x.active, str(x.expires), x.lines) for x in producer.licenses] == [
        ("NM", "NM-1", "nonresident", True, "2030-01-31", ("Health",)),
        ("NM", "NM-2", "nonresident", False, "None", ()),
    ]
    assert (await registry.look_up_npn("9000000778")).producer is None
    with pytest.raises(Refused, match="registry_refused"):
        await RegistryClient(http, url, REGISTRY_USER, "wrong").look_up_npn("9000000777")


async def test_background_checks(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    vendor = BackgroundCheckClient(http, sandbox.background_checks, API_KEY, "basic")
    case_id = "00000000-0000-4000-8000-000000000011"
    order = await vendor.order_check(case_id, "Ejemplo", "Consejera", "consejera@example.org", "check-1")
    assert order == await vendor.order_check(case_id, "Ejemplo", "Consejera", "consejera@example.org", "check-1")


async def test_lms(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    lms = LmsClient(http, sandbox.lms, LMS_TOKEN)
    learner = LmsLearner(**LEARNER)  # type: ignore[arg-type]
    place = await lms.invite_learner(learner, "invite-1")
    assert place == await lms.invite_learner(learner, "invite-1")
    returning = LmsLearner(**LEARNER | {"registration": "00000000-0000-4000-8000-000000000012", "account": "testa"})  # type: ignore[arg-type]
    assert (await lms.enroll_learner(returning, "enroll-1")).url != place.url


async def test_mlms(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    mlms = MlmsClient(http, sandbox.mlms, MLMS_TOKEN)
    shop = MlmsEnrollment(**ENROLLMENT)  # type: ignore[arg-type]
    place = await mlms.enroll_learner(shop, "enroll-shop")
    assert place == await mlms.enroll_learner(shop, "enroll-shop")
    full = MlmsEnrollment(**ENROLLMENT | {"curriculum": "individual_full"})  # type: ignore[arg-type]
    assert (await mlms.enroll_learner(full, "enroll-full")).url != place.url
    with pytest.raises(Refused, match="mlms_refused"):
        await mlms.enroll_learner(shop, "another-key")


async def test_lists(http: httpx2.AsyncClient, sandbox: RunningSandbox, httpserver: HTTPServer) -> None:
    npn, whose = "9000000777", ("Testa", "Broker", "505-555-0177")
    publish_list(httpserver, PublishedList.RCL, {"npn": npn, "applicable_plan_year": 2024, "status": ""})
    publish_list(
        httpserver, PublishedList.FIND_LOCAL_HELP, dict(zip(("first_name", "last_name", "phone"), whose, strict=True))
    )
    row = {"npn": npn, "plan_year": "2024", "individual_completed_on": "11/03/2023", "shop_completed_on": ""}
    httpserver.expect_request(f"/registry/tracker/{npn}").respond_with_json({"npn": npn, "rows": [row]})
    lists = FederalListReader(http, sandbox.lists)
    assert await lists.find_rcl_entry(npn, 2024)
    assert await lists.is_in_local_help(*whose)
    tracked = await lists.read_tracker(npn, 2024)
    assert tracked is not None
    assert tracked.shows_completed(Market.INDIVIDUAL)
    for named in (
        {"list": "rcl", "npn": npn},
        {"list": "tracker", "npn": npn},
        {"list": "find_local_help", "name": "Testa Broker"},
    ):
        await post_json(f"{sandbox.lists}/alterations", {**named, "how": "omit"})
    assert await lists.find_rcl_entry(npn, 2024) is None
    assert not await lists.is_in_local_help(*whose)
    assert await lists.read_tracker(npn, 2024) is None
    await http.delete(f"{sandbox.lists}/alterations")
    assert await lists.find_rcl_entry(npn, 2024)
    lists.delete_copies()


def publish_list(httpserver: HTTPServer, name: PublishedList, cells: dict[str, Any]) -> None:
    """A list of one line, at its address."""
    head, line = COLUMNS[name], (str(cells.get(column, "")) for column in COLUMNS[name])
    body = f"{','.join(head)}\r\n{','.join(line)}\r\n"
    path = f"/registry/{name.replace('_', '-')}.csv"
    httpserver.expect_request(path).respond_with_data(body, content_type="text/csv", headers={"ETag": '"1"'})


async def test_portal(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    portal = PortalClient(http, sandbox.portal, PORTAL_TOKEN)
    case_id = "00000000-0000-4000-8000-000000000013"
    person = (case_id, "otra.consejera@example.org", "Otra", "Consejera")
    scim_id = await portal.create_account(*person)
    assert await portal.create_account(*person) == scim_id
    assert await portal.find_account(case_id) == PortalAccountRecord(id=scim_id, active=False)
    await portal.set_active(scim_id, True)
    assert await portal.find_account(case_id) == PortalAccountRecord(id=scim_id, active=True)
    assert await portal.find_account("00000000-0000-4000-8000-000000000014") is None


async def test_who_is_asked_for_reports_sends_them_again(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    case_id, nobody = str(uuid4()), str(uuid4())
    vendor = BackgroundCheckClient(http, sandbox.background_checks, API_KEY, "basic")
    portal = PortalClient(http, sandbox.portal, PORTAL_TOKEN)
    lms, mlms = LmsClient(http, sandbox.lms, LMS_TOKEN), MlmsClient(http, sandbox.mlms, MLMS_TOKEN)
    whose = {"registration": case_id}
    await vendor.order_check(case_id, "Ejemplo", "Consejera", f"{case_id}@example.org", case_id)
    account = await portal.create_account(case_id, f"{case_id}@example.org", "Ejemplo", "Consejera")
    await portal.set_active(account, True)
    await lms.invite_learner(LmsLearner(**LEARNER | whose), f"invite-{case_id}")  # type: ignore[arg-type]
    await post_json(f"{sandbox.lms}/learners/{case_id}/account", {})
    await mlms.enroll_learner(MlmsEnrollment(**ENROLLMENT | whose), f"enroll-{case_id}")  # type: ignore[arg-type]
    await post_json(f"{sandbox.mlms}/learners/{case_id}/shop/complete", {})
    for archive, url in (
        (vendor, sandbox.background_checks),
        (portal, sandbox.portal),
        (lms, sandbox.lms),
        (mlms, sandbox.mlms),
    ):
        first = [one["event_id"] for one in await list_deliveries(http, url, case_id)]
        assert first
        await archive.request_reports(case_id)
        await archive.request_reports(nobody)
        assert [one["event_id"] for one in await list_deliveries(http, url, case_id)] == first * 2


async def list_deliveries(http: httpx2.AsyncClient, url: str, case_id: str) -> list[dict[str, Any]]:
    return [one for one in (await http.get(f"{url}/deliveries")).json() if one["case"] == case_id]


async def test_mailbox(sandbox: RunningSandbox) -> None:
    letter = Email(
        "testa.broker@example.com", "Año nuevo", "Hola", "<p>Hola</p>", "es", "<m-1@example.org>", None,
        (("certificate.pdf", "application/pdf", b"%PDF"),),
    )  # fmt: skip
    await Mailer("127.0.0.1", sandbox.smtp_port, None, None, False, "certification@example.org").send_email(letter)
    async with open_client() as opened:
        (message,) = (await opened.get(f"{sandbox.mailbox}/messages")).json()
    assert (message["to"], message["subject"], message["language"]) == ([letter.to], letter.subject, "es")
    assert message["attachments"] == ["certificate.pdf"]


MODES: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"mode": "down"}, Unavailable),
    ({"mode": "hang", "seconds": 2}, Unavailable),
    ({"mode": "error", "status": 500}, Unavailable),
    ({"mode": "error", "status": 429}, Unavailable),
    ({"mode": "error", "status": 400}, Refused),
    ({"mode": "garbage"}, Refused),
]


@pytest.mark.parametrize(("mode", "expected"), MODES, ids=[str(mode) for mode, _ in MODES])
async def test_trouble_is_translated(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, mode: dict[str, Any], expected: type[Exception]
) -> None:
    troubled: dict[str, Callable[[str], Awaitable[object]]] = {
        "registry": lambda url: RegistryClient(http, url, REGISTRY_USER, REGISTRY_PASSWORD).look_up_npn("9000000779"),
        "lms": lambda url: LmsClient(http, url, LMS_TOKEN).invite_learner(LmsLearner(**LEARNER), "invite-2"),  # type: ignore[arg-type]
        "mlms": lambda url: MlmsClient(http, url, MLMS_TOKEN).enroll_learner(MlmsEnrollment(**ENROLLMENT), "enroll-2"),  # type: ignore[arg-type]
        "lists": lambda url: FederalListReader(http, url).find_rcl_entry("9000000779", 2024),
        "portal": lambda url: PortalClient(http, url, PORTAL_TOKEN).find_account("nobody"),
        "background_checks": lambda url: BackgroundCheckClient(http, url, API_KEY, "basic").order_check(
            "case", "Ejemplo", "Consejera", "consejera@example.org", "check-2"
        ),
    }
    if mode["mode"] == "hang":
        http.timeout = httpx2.Timeout(0.5)
    for name, attempt in troubled.items():
        await post_json(f"{sandbox.url(name)}/controls", mode | {"times": 1})
        with pytest.raises(expected):
            await attempt(sandbox.url(name))


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ({"mode": "down"}, Unavailable),
        ({"mode": "error"}, Unavailable),
        ({"mode": "error", "status": 550}, Refused),
        ({"mode": "garbage"}, Unavailable),
    ],
)
async def test_trouble_with_the_mail(sandbox: RunningSandbox, mode: dict[str, Any], expected: type[Exception]) -> None:
    mailer = Mailer("127.0.0.1", sandbox.smtp_port, None, None, False, "certification@example.org", 3.0)
    await post_json(f"{sandbox.mailbox}/controls", mode | {"times": 1})
    with pytest.raises(expected):
        await mailer.send_email(Email("a@example.com", "Hi", "Hi", "<p>Hi</p>", "en", "<m-2@example.org>"))


async def test_e1_the_alerts_tell_of_a_day_s_changes_of_those_they_are_to_name(
    sandbox: RunningSandbox, http: httpx2.AsyncClient
) -> None:
    alerts = RegistryAlertsClient(http, sandbox.registry, REGISTRY_USER, REGISTRY_PASSWORD, "exchange@example.org")
    for _ in range(2):  # a repeat changes nothing
        await alerts.add_subscription("certified-0001")
        await alerts.add_targets("certified-0001", ["9000000921", "9000000922"])
    await alerts.remove_targets("certified-0001", ["9000000922"])
    for npn in ("9000000921", "9000000922", "9000000923"):
        await post_json(
            f"{sandbox.registry}/producers",
            {"npn": npn, "entity": "individual", "first_name": "Testa", "last_name": "Prueba"},
        )
    today = datetime.now(ZoneInfo("America/New_York")).date()
    today += timedelta(days=7 - today.weekday() if today.weekday() > 4 else 0)  # Monday tells of a weekend
    assert await alerts.read_report(today) == ("9000000921",)
    assert await alerts.read_report(today - timedelta(days=2)) == ()
    with pytest.raises(Unavailable):
        await alerts.add_targets("certified-0002", ["9000000921"])
    wrong = RegistryAlertsClient(http, sandbox.registry, REGISTRY_USER, "wrong", "exchange@example.org")
    with pytest.raises(Refused):
        await wrong.read_report(today)
