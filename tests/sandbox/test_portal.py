"""The portal's stand-in: SCIM, who may register alone (A24, A27), profile and Scheduling Tool, signed events."""

from typing import Any

import httpx2
import pytest
from pytest_httpserver import HTTPServer
from scim2_client.engines.httpx2 import AsyncSCIMClient
from standardwebhooks import Webhook

from tests.sandbox.conftest import WebhookReceiver, build_bearer_header
from tests.support.sandbox_process import SENDERS, RunningSandbox

AUTH = build_bearer_header("CERTIFY_PORTAL_TOKEN")
# What it shows us is another secret than what we show it.
LOOK_UP = {"Authorization": f"Bearer {SENDERS['portal-look-up']['token']}"}
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def build_scim_user(case: str, email: str) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": email,
        "externalId": case,
        "name": {"givenName": "Ejemplo", "familyName": "Consejera"},
        "emails": [{"value": email, "type": "work", "primary": True}],
        "active": False,
    }


async def create_user(http: httpx2.AsyncClient, sandbox: RunningSandbox, case: str, email: str) -> httpx2.Response:
    return await http.post(f"{sandbox.portal}/scim/v2/Users", json=build_scim_user(case, email), headers=AUTH)


async def set_active(http: httpx2.AsyncClient, url: str, active: bool) -> httpx2.Response:
    body = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": active}]}
    return await http.patch(url, json=body, headers=AUTH)


async def test_a_scim_library_finds_its_way(sandbox: RunningSandbox, case_id: str) -> None:
    email = f"{case_id}@example.org"
    async with httpx2.AsyncClient(base_url=f"{sandbox.portal}/scim/v2", headers=AUTH, trust_env=False) as http:
        scim: Any = AsyncSCIMClient(http)
        await scim.discover()
        user_model = scim.get_resource_model("User")
        created = await scim.create(user_model(user_name=email, external_id=case_id, active=False))
        assert (created.user_name, created.external_id, created.active) == (email, case_id, False)
        listed = await scim.query(user_model)
        assert created.id in [each.id for each in listed.resources]
        assert (await scim.query(user_model, created.id)).user_name == email


async def test_what_was_reported_of_a_case_is_sent_again_under_its_ids(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, portal_receiver: WebhookReceiver, case_id: str
) -> None:
    created = await create_user(http, sandbox, case_id, f"{case_id}@example.org")
    await set_active(http, created.headers["location"], True)
    (first,) = await portal_receiver.wait_for_events(case_id, 1)
    resend = f"{sandbox.portal}/webhooks/resend"
    assert (await http.post(resend, json={"case_id": case_id})).status_code == 202
    _, again = await portal_receiver.wait_for_events(case_id, 2)
    assert (again.headers["Webhook-Id"], again.body) == (first.headers["Webhook-Id"], first.body)
    assert (await http.post(resend, json={"case_id": "nobody"})).status_code == 404
    assert (await http.post(resend, json={})).status_code == 422


async def test_an_account_is_unique_by_e_mail_and_by_case(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, case_id: str
) -> None:
    email = f"{case_id}@example.org"
    first = await create_user(http, sandbox, case_id, email)
    assert first.status_code == 201
    assert first.headers["location"] == first.json()["meta"]["location"]
    for case, other in ((case_id, "other@example.org"), ("another-case", email.upper())):
        conflict = await create_user(http, sandbox, case, other)
        assert (conflict.status_code, conflict.json()["scimType"]) == (409, "uniqueness")
    found = await http.get(
        f"{sandbox.portal}/scim/v2/Users", params={"filter": f'userName eq "{email.upper()}"'}, headers=AUTH
    )
    assert [user["id"] for user in found.json()["Resources"]] == [first.json()["id"]]


async def test_activation_is_told_once(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, portal_receiver: WebhookReceiver, case_id: str
) -> None:
    url = (await create_user(http, sandbox, case_id, f"{case_id}@example.org")).json()["meta"]["location"]
    early = await http.post(f"{sandbox.portal}/accounts/{case_id}/profile")
    assert (early.status_code, early.json()["code"]) == (409, "not_activated")
    for active in (True, True, False):
        answer = await set_active(http, url, active)
        assert (answer.status_code, answer.json()["active"]) == (200, active)
    await set_active(http, url, True)
    await http.post(f"{sandbox.portal}/accounts/{case_id}/scheduling-tool")
    await http.post(f"{sandbox.portal}/accounts/{case_id}/profile")
    events = await portal_receiver.wait_for_events(case_id, 4)
    assert [event.body["type"] for event in events] == [
        "account.activated",
        "account.activated",
        "scheduling_tool.ready",
        "profile.completed",
    ]
    Webhook(SENDERS["portal"]["secret"]).verify(events[0].raw, events[0].headers)
    account = (await http.get(f"{sandbox.portal}/accounts/{case_id}")).json()
    assert (account["profile"], account["scheduling_tool"]) == ("complete", "ready")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"Operations": []}, "invalidSyntax"),
        ({"Operations": [{"op": "move", "path": "active"}]}, "invalidSyntax"),
        ({"Operations": [{"op": "remove"}]}, "noTarget"),
        ({"Operations": [{"op": "remove", "path": "userName"}]}, "invalidValue"),
        ({"Operations": [{"op": "replace", "path": "title", "value": "x"}]}, "invalidPath"),
        ({"Operations": [{"op": "replace", "path": "active.now", "value": True}]}, "invalidPath"),
        ({"Operations": [{"op": "replace", "path": "name.middleName", "value": "x"}]}, "invalidPath"),
        ({"Operations": [{"op": "add", "path": "emails", "value": [{"value": "x@example.org"}]}]}, "mutability"),
        ({"Operations": [{"op": "replace", "path": "active", "value": "yes"}]}, "invalidValue"),
        ({"Operations": [{"op": "replace", "value": "yes"}]}, "invalidValue"),
        (
            {
                "Operations": [
                    {"op": "replace", "path": "name", "value": "x"},
                    {"op": "replace", "path": "name", "value": {"givenName": ["x"]}},
                ]
            },
            "invalidValue",
        ),
    ],
)
async def test_a_patch_that_makes_no_user_is_refused_and_changes_nothing(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, case_id: str, body: dict[str, object], kind: str
) -> None:
    url = (await create_user(http, sandbox, case_id, f"{case_id}@example.org")).json()["meta"]["location"]
    before = (await http.get(url, headers=AUTH)).json()
    answer = await http.patch(url, json=body, headers=AUTH)
    assert (answer.status_code, answer.json()["scimType"]) == (400, kind)
    assert (await http.get(url, headers=AUTH)).json() == before


async def test_every_attribute_can_be_set_replaced_and_removed(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, case_id: str
) -> None:
    url = (await create_user(http, sandbox, case_id, f"{case_id}@example.org")).json()["meta"]["location"]
    operations = [
        {"op": "Replace", "path": "NAME.givenName", "value": "Muestra"},
        {"op": "remove", "path": "urn:ietf:params:scim:schemas:core:2.0:User:externalId"},
        {"op": "add", "value": {"username": f"new-{case_id}@example.org", "active": True}},
    ]
    user = (await http.patch(url, json={"schemas": [PATCH], "Operations": operations}, headers=AUTH)).json()
    assert user["name"] == {"givenName": "Muestra", "familyName": "Consejera"}
    assert (user["userName"], user["active"], user.get("externalId")) == (f"new-{case_id}@example.org", True, None)
    assert [email["value"] for email in user["emails"]] == [user["userName"]]
    replaced = await http.put(url, json=build_scim_user(case_id, f"{case_id}@example.org"), headers=AUTH)
    assert (replaced.json()["externalId"], replaced.json()["active"]) == (case_id, False)
    # The address given up is free again, and the one taken back isn't.
    assert (await create_user(http, sandbox, "another", user["userName"])).status_code == 201
    assert (await create_user(http, sandbox, "a third", f"{case_id}@example.org")).status_code == 409
    taken = {"op": "replace", "path": "userName", "value": user["userName"].upper()}
    assert (await http.patch(url, json={"Operations": [taken]}, headers=AUTH)).status_code == 409


async def test_an_account_that_is_deleted_is_gone(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, case_id: str
) -> None:
    url = (await create_user(http, sandbox, case_id, f"{case_id}@example.org")).json()["meta"]["location"]
    assert (await http.delete(url, headers=AUTH)).status_code == 204
    assert [(await http.get(at, headers=AUTH)).status_code for at in (url, f"{sandbox.portal}/accounts/{case_id}")] == [
        404,
        404,
    ]
    assert (await create_user(http, sandbox, case_id, f"{case_id}@example.org")).status_code == 201


async def test_what_is_shown_of_a_user_can_be_chosen(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, case_id: str
) -> None:
    url = (await create_user(http, sandbox, case_id, f"{case_id}@example.org")).json()["meta"]["location"]

    async def fetch_user(**parameters: str) -> dict[str, Any]:
        found: dict[str, Any] = (await http.get(url, params=parameters, headers=AUTH)).json()
        return found

    assert set(await fetch_user(attributes="username, NAME.givenName")) == {"schemas", "id", "userName", "name"}
    assert (await fetch_user(attributes="name.givenName"))["name"] == {"givenName": "Ejemplo"}
    assert (await fetch_user(excludedAttributes="name.givenName,id"))["name"] == {"familyName": "Consejera"}
    search = {"filter": f'externalId eq "{case_id}"', "excludedAttributes": ["emails", "meta", "name"]}
    found = await http.post(f"{sandbox.portal}/scim/v2/.search", json=search, headers=AUTH)
    (user,) = found.json()["Resources"]
    assert set(user) == {"schemas", "id", "externalId", "userName", "active"}


async def test_scim_errors_are_scims(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    users = f"{sandbox.portal}/scim/v2/Users"
    assert (await http.get(users)).status_code == 401
    assert (await http.get(f"{users}/none", headers=AUTH)).status_code == 404
    odd = await http.get(users, params={"filter": "name pr"}, headers=AUTH)
    assert (odd.status_code, odd.json()["scimType"]) == (400, "invalidFilter")
    nameless = await http.post(users, json={"externalId": "x"}, headers=AUTH)
    assert (nameless.status_code, nameless.json()["scimType"]) == (400, "invalidValue")
    assert nameless.headers["content-type"] == "application/scim+json"
    for method, path, status in (
        ("GET", "nowhere", 404),
        ("DELETE", "Users", 405),
        ("GET", "Schemas/none", 404),
        ("GET", "Users?count=x", 400),
    ):
        wrong = await http.request(method, f"{sandbox.portal}/scim/v2/{path}", headers=AUTH)
        assert (wrong.status_code, wrong.json()["status"]) == (status, str(status))
        assert wrong.headers["content-type"] == "application/scim+json"


def introduce_applicant(httpserver: HTTPServer, case: str, email: str, kind: str, number: str | None = None) -> None:
    """The exchange knows this applicant."""
    certificate = {"number": number, "status": "valid"} if number else None
    httpserver.expect_request("/api/portal/applicants", method="POST", headers=LOOK_UP).respond_with_json(
        {"case_id": case, "kind": kind, "certificate": certificate}
    )


def publish_certificate(httpserver: HTTPServer, number: str, status: str) -> None:
    """The exchange's public page about a certificate."""
    httpserver.expect_request(f"/certificates/{number}", headers={"Accept": "application/json"}).respond_with_json(
        {"number": number, "status": status}
    )


async def register_account(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, email: str, number: str | None
) -> httpx2.Response:
    body = {"email": email, "certificate_number": number}
    return await http.post(f"{sandbox.portal}/register", json=body)


async def test_a_broker_with_a_valid_certificate_registers(
    http: httpx2.AsyncClient,
    sandbox: RunningSandbox,
    httpserver: HTTPServer,
    portal_receiver: WebhookReceiver,
    case_id: str,
) -> None:
    email = f"{case_id}@example.com"
    introduce_applicant(httpserver, case_id, email, "broker", "CERT-1")
    publish_certificate(httpserver, "CERT-1", "valid")
    answer = await register_account(http, sandbox, email, "CERT-1")
    assert (answer.status_code, answer.json()) == (201, {"case_id": case_id, "account": "registered"})
    assert (await register_account(http, sandbox, email, "CERT-1")).status_code == 409
    await http.post(f"{sandbox.portal}/accounts/{case_id}/profile")
    events = await portal_receiver.wait_for_events(case_id, 2)
    assert [event.body["type"] for event in events] == ["account.registered", "profile.completed"]


async def test_a_number_in_small_letters_is_the_same_number(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, httpserver: HTTPServer, case_id: str
) -> None:
    """The exchange finds a certificate however its number was typed, and answers the number as it writes it."""
    email = f"{case_id}@example.com"
    introduce_applicant(httpserver, case_id, email, "broker", "CERT-7")
    httpserver.expect_request("/certificates/cert-7").respond_with_json({"number": "CERT-7", "status": "valid"})
    assert (await register_account(http, sandbox, email, "cert-7")).status_code == 201


@pytest.mark.parametrize(
    ("number", "status", "code"),
    [
        (None, None, "certificate_missing"),
        ("", None, "certificate_missing"),
        ("../../healthz", None, "certificate_not_valid"),
        ("CERT-REVOKED", "revoked", "certificate_not_valid"),
        ("CERT-EXPIRED", "expired", "certificate_not_valid"),
        ("CERT-OF-ANOTHER", "valid", "certificate_of_another"),
    ],
)
async def test_no_registration_without_a_valid_certificate_of_ones_own(
    http: httpx2.AsyncClient,
    sandbox: RunningSandbox,
    httpserver: HTTPServer,
    portal_receiver: WebhookReceiver,
    case_id: str,
    number: str | None,
    status: str | None,
    code: str,
) -> None:
    """A24."""
    introduce_applicant(httpserver, case_id, "broker@example.com", "broker", "CERT-OWN")
    if number and status:
        publish_certificate(httpserver, number, status)
    answer = await register_account(http, sandbox, "broker@example.com", number)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, code)
    assert problem["errors"][0]["field"] == "certificate_number"
    event = (await portal_receiver.wait_for_events(case_id, 1))[0].body
    assert (event["type"], event["reason"]) == ("registration.refused", problem["detail"])
    assert (await http.get(f"{sandbox.portal}/accounts/{case_id}")).status_code == 404


async def test_a_number_the_exchange_does_not_know_is_not_valid(
    http: httpx2.AsyncClient,
    sandbox: RunningSandbox,
    httpserver: HTTPServer,
    portal_receiver: WebhookReceiver,
    case_id: str,
) -> None:
    introduce_applicant(httpserver, case_id, "broker@example.com", "agent")
    httpserver.expect_request("/certificates/CERT-MADE-UP").respond_with_json({}, status=404)
    answer = await register_account(http, sandbox, "broker@example.com", "CERT-MADE-UP")
    assert (answer.status_code, answer.json()["code"]) == (422, "certificate_not_valid")
    await portal_receiver.wait_for_events(case_id, 1)


async def test_a_counselor_is_told_why_not(
    http: httpx2.AsyncClient,
    sandbox: RunningSandbox,
    httpserver: HTTPServer,
    portal_receiver: WebhookReceiver,
    case_id: str,
) -> None:
    """A27: even with a certificate."""
    introduce_applicant(httpserver, case_id, "consejera@example.org", "enrollment_counselor", "CERT-2")
    publish_certificate(httpserver, "CERT-2", "valid")
    answer = await register_account(http, sandbox, "consejera@example.org", "CERT-2")
    assert (answer.status_code, answer.json()["code"]) == (403, "set_up_by_exchange")
    assert "The exchange sets up Assister Portal accounts itself" in answer.json()["detail"]
    event = (await portal_receiver.wait_for_events(case_id, 1))[0].body
    assert event["type"] == "registration.refused"
    assert (await http.get(f"{sandbox.portal}/accounts/{case_id}")).status_code == 404
    page = await http.post(f"{sandbox.portal}/register", data={"email": "consejera@example.org"})
    assert page.status_code == 403
    assert "The exchange sets up Assister Portal accounts itself" in page.text


async def test_an_e_mail_nobody_knows_opens_nothing(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/api/portal/applicants").respond_with_json({}, status=404)
    answer = await register_account(http, sandbox, "stranger@example.com", "CERT-1")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "email")


async def test_an_exchange_that_fails_is_no_verdict(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/api/portal/applicants").respond_with_data("", status=503)
    assert (await register_account(http, sandbox, "broker@example.com", "CERT-1")).status_code == 503


async def test_the_pages_work_without_a_script(
    http: httpx2.AsyncClient,
    sandbox: RunningSandbox,
    httpserver: HTTPServer,
    portal_receiver: WebhookReceiver,
    case_id: str,
) -> None:
    form = await http.get(f"{sandbox.portal}/register", params={"certificate_number": '"><b>CERT-3'})
    assert "<b>CERT-3" not in form.text
    introduce_applicant(httpserver, case_id, "page@example.com", "broker", "CERT-3")
    publish_certificate(httpserver, "CERT-3", "valid")
    fields = {"email": f"{case_id}@example.com", "certificate_number": "CERT-3"}
    posted = await http.post(f"{sandbox.portal}/register", data=fields)
    page = f"/accounts/{case_id}/page"
    assert (posted.status_code, posted.headers["location"]) == (303, page)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    step = await http.post(f"{sandbox.portal}/accounts/{case_id}/profile", headers=headers)
    assert (step.status_code, step.headers["location"]) == (303, page)
    assert "complete" in (await http.get(f"{sandbox.portal}{page}")).text
    assert (await http.get(sandbox.portal)).status_code == 200
    await portal_receiver.wait_for_events(case_id, 2)
