"""The MLMS's stand-in: a place for each curriculum, a learner's way through it, signed statements, sending again."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.sandbox.conftest import WebhookReceiver, build_bearer_header, verify_statement
from tests.support.sandbox_process import SECRETS, RunningSandbox

AUTH = build_bearer_header("CERTIFY_MLMS_TOKEN")
HOME = "https://mlms.example.test"


def build_enrollment(registration: str, curriculum: str = "individual_full", **other: Any) -> dict[str, Any]:
    """What the exchange sends to the MLMS about a learner."""
    enrollment = {
        "registration": registration,
        "assister_id": "assister-1",
        "email": "learner@example.com",
        "first_name": "Ejemplo",
        "last_name": "Corredor",
        "language": "en",
        "home_page": HOME,
        "curriculum": curriculum,
        "course_id": f"{HOME}/2024/{curriculum}",
    }
    return {**enrollment, **other}


async def post_enrollment(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, key: str, body: dict[str, Any]
) -> httpx2.Response:
    headers = {**AUTH, "Idempotency-Key": key}
    return await http.post(f"{sandbox.mlms}/api/v1/enrollments", json=body, headers=headers)


async def enroll_learner(http: httpx2.AsyncClient, sandbox: RunningSandbox, registration: str, **other: Any) -> str:
    """A place; gives its address."""
    answer = await post_enrollment(http, sandbox, str(uuid4()), build_enrollment(registration, **other))
    assert answer.status_code == 201, answer.text
    url: str = answer.json()["url"]
    return url


async def test_b13_a_course_started_and_completed_arrives_in_order(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, lms_receiver: WebhookReceiver, case_id: str
) -> None:
    place = await enroll_learner(http, sandbox, case_id)
    await http.post(f"{place}/start")
    completed = await http.post(f"{place}/complete")
    first, last = [verify_statement(event, "mlms") for event in await lms_receiver.wait_for_events(case_id, 2)]
    assert first["verb"]["id"] == "http://adlnet.gov/expapi/verbs/initialized"
    assert last["verb"]["id"] == "http://adlnet.gov/expapi/verbs/completed"
    for statement in (first, last):
        assert statement["actor"]["account"] == {"homePage": HOME, "name": "assister-1"}
        assert statement["object"]["id"] == f"{HOME}/2024/individual_full"
        assert statement["context"]["registration"] == case_id
        assert "result" not in statement
    assert completed.json() == {"statement_ids": [last["id"]]}


async def test_b12_each_curriculum_is_a_place_of_its_own(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, lms_receiver: WebhookReceiver, case_id: str
) -> None:
    curricula = ("individual_returning", "individual_full", "shop")
    places = {
        curriculum: await enroll_learner(http, sandbox, case_id, curriculum=curriculum) for curriculum in curricula
    }
    assert places == {each: f"{sandbox.mlms}/learners/{case_id}/{each}" for each in curricula}
    await http.post(f"{places['shop']}/complete")
    (event,) = await lms_receiver.wait_for_events(case_id, 1)
    assert verify_statement(event, "mlms")["object"]["id"].endswith("/shop")
    mine = (await http.get(f"{sandbox.mlms}/learners/{case_id}", headers={"Accept": "application/json"})).json()
    assert {place["curriculum"]: place["progress"] for place in mine} == {
        "individual_returning": "not_started",
        "individual_full": "not_started",
        "shop": "completed",
    }


async def test_the_same_key_is_the_same_place(http: httpx2.AsyncClient, sandbox: RunningSandbox, case_id: str) -> None:
    body = build_enrollment(case_id)
    first, again = [await post_enrollment(http, sandbox, case_id, body) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    places = (await http.get(f"{sandbox.mlms}/learners")).json()
    assert [place["curriculum"] for place in places if place["registration"] == case_id] == ["individual_full"]
    second_place = await post_enrollment(http, sandbox, str(uuid4()), body)
    assert (second_place.status_code, second_place.json()["errors"][0]["field"]) == (409, "curriculum")
    other_place = await post_enrollment(http, sandbox, case_id, build_enrollment(case_id, "shop"))
    assert (other_place.status_code, other_place.json()["errors"][0]["field"]) == (409, "Idempotency-Key")
    calls = (await http.get(f"{sandbox.mlms}/calls")).json()
    assert [call["status"] for call in calls] == [201, 200, 409, 409]
    assert SECRETS["CERTIFY_MLMS_TOKEN"] not in str(calls)


async def test_what_is_wrong_is_named(http: httpx2.AsyncClient, sandbox: RunningSandbox, case_id: str) -> None:
    url = f"{sandbox.mlms}/api/v1/enrollments"
    assert (await http.post(url, json=build_enrollment(case_id))).status_code == 401
    others = {**build_bearer_header("CERTIFY_LMS_TOKEN"), "Idempotency-Key": case_id}
    assert (await http.post(url, json=build_enrollment(case_id), headers=others)).status_code == 401
    assert (await http.post(url, json=build_enrollment(case_id), headers=AUTH)).status_code == 400
    wrong = await post_enrollment(http, sandbox, case_id, build_enrollment("case 1", "exam", exam_id="x"))
    assert [error["field"] for error in wrong.json()["errors"]] == ["registration", "curriculum", "exam_id"]
    for path in (f"{case_id}", f"{case_id}/shop"):
        assert (await http.get(f"{sandbox.mlms}/learners/{path}")).status_code == 404
    assert (await http.post(f"{sandbox.mlms}/learners/{case_id}/shop/complete")).status_code == 404


async def test_sent_again_is_the_same_statement(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, lms_receiver: WebhookReceiver, case_id: str
) -> None:
    place = await enroll_learner(http, sandbox, case_id)
    shop = await enroll_learner(http, sandbox, case_id, curriculum="shop")
    (sent,) = (await http.post(f"{place}/complete")).json()["statement_ids"]
    await http.post(f"{shop}/complete")
    url = f"{sandbox.mlms}/webhooks/resend"
    assert (await http.post(url, json={"statement_id": sent})).status_code == 202
    assert (await http.post(url, json={"registration": case_id})).status_code == 202
    first, second, *again = await lms_receiver.wait_for_events(case_id, 5)
    assert [event.raw for event in again] == [first.raw, first.raw, second.raw]
    verify_statement(again[0], "mlms")
    assert (await http.post(url, json={"statement_id": str(uuid4())})).status_code == 404
    assert (await http.post(url, json={"registration": str(uuid4())})).status_code == 404
    deliveries = (await http.get(f"{sandbox.mlms}/deliveries")).json()
    assert [sent["event"] for sent in deliveries if sent["case"] == case_id] == ["completed"] * 5


async def test_b2_the_page_speaks_the_learners_language_and_needs_no_script(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, lms_receiver: WebhookReceiver, case_id: str
) -> None:
    place = await enroll_learner(http, sandbox, case_id, language="es", curriculum="individual_returning")
    page = (await http.get(place)).text
    assert '<html lang="es">' in page
    assert "Capacitación en el Mercado para agentes y corredores que regresan" in page
    assert "Completar el curso" in page
    assert "<script" not in page
    assert not [word for word in ("Start", "Complete", "training", "Progress") if word in page]
    posted = await http.post(f"{place}/complete", data={"x": ""})
    assert (posted.status_code, posted.headers["location"]) == (303, f"/learners/{case_id}/individual_returning")
    assert "completado" in (await http.get(place)).text
    await lms_receiver.wait_for_events(case_id, 1)
    english = await enroll_learner(http, sandbox, str(uuid4()), curriculum="shop")
    assert "Complete the course" in (await http.get(english)).text


@pytest.mark.parametrize("path", ["/", "/learners/{case_id}"])
async def test_learners_are_found(http: httpx2.AsyncClient, sandbox: RunningSandbox, case_id: str, path: str) -> None:
    await enroll_learner(http, sandbox, case_id, last_name="Corredor <b>")
    page = await http.get(f"{sandbox.mlms}{path.format(case_id=case_id)}")
    assert f'href="/learners/{case_id}/individual_full"' in page.text
    assert "Corredor &lt;b&gt;" in page.text
