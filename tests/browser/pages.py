"""Every page of the service and the way to it: a new page gets a row, and with it the tests every page has to pass.

A row is the route of the page and a way there. A way is given a page of a browser, the people, and the language to read
in; it ends when the page is shown. `at` opens an address, `of` somebody's page, `as_staff` signs in first, and `sent`
goes on from there by the page's form.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import FilePayload, Page

from tests.browser.forms import fill_in, follow
from tests.browser.people import People
from tests.support import documents
from tests.support.federal_form import form_of

Way = Callable[[Page, People, str], Awaitable[None]]
Whose = Callable[[People], Awaitable[str]]


@dataclass(frozen=True)
class Row:
    """A page as it stands for somebody; several rows may show one route in different states."""

    route: str
    way: Way


def at(path: str, status: int = 200) -> Way:
    """Opens an address that is the same for everybody."""

    async def way(page: Page, people: People, language: str) -> None:
        await _open(page, people, path, language, status)

    return way


def of(whose: Whose, path: str = "", status: int = 200) -> Way:
    """Opens somebody's page, or one under it."""

    async def way(page: Page, people: People, language: str) -> None:
        await _open(page, people, await whose(people) + path, language, status)

    return way


def as_staff(there: Way, person: str = "Demo Reviewer") -> Way:
    """Goes there as one of the staff; who there are and what they may do, the sandbox's identity provider says."""

    async def way(page: Page, people: People, language: str) -> None:
        await people.signs_in(page, person)
        await there(page, people, language)

    return way


def sent(there: Way, shows: str, button: str = "main form button:visible", **answers: str) -> Way:
    """Fills in a form and presses its button, the first one or another; ends when ``shows`` is there (a selector)."""

    async def way(page: Page, people: People, language: str) -> None:
        await there(page, people, language)
        await fill_in(page, answers)
        await follow(page.locator(button).first)
        await page.locator(shows).first.wait_for()

    return way


async def _registered(page: Page, people: People, language: str) -> None:
    """Somebody new types the code after the portal's request."""
    email = await _registering(page, people, language)
    await page.locator("main [name=code]").fill(await people.world.code(email))
    await follow(page.locator("main form button").first)
    assert "/done" in page.url


async def _registers(page: Page, people: People, language: str) -> None:
    """Somebody new sends the portal's request, and is asked for the code."""
    await _registering(page, people, language)


async def _registering(page: Page, people: People, language: str) -> str:
    """Somebody new goes through the steps of the portal's request and sends it; their address."""
    request = documents.trainee()
    await _registering_up_to("check", request)(page, people, language)
    await follow(page.locator("main form button").first)
    await page.locator("main [name=code]").wait_for()
    return str(request["email"])


def _registering_up_to(slug: str, request: dict[str, Any] | None = None) -> Way:
    """Goes through the steps of the portal's request, up to one of them, the list of answers by default."""

    async def way(page: Page, people: People, language: str) -> None:
        answers = form_of(request or documents.registration())
        await at("/portal/register")(page, people, language)
        await follow(page.locator("main form button").first)
        while not urlsplit(page.url).path.endswith(f"/{slug}"):
            names = await page.locator("main [name]").evaluate_all("(all) => all.map((one) => one.name)")
            await fill_in(page, {name: text for name, text in answers.items() if name in names})
            await follow(page.locator("main form button").first)

    return way


def _elsewhere() -> dict[str, Any]:
    """A request to register whose ZIP code is of another state than the one that was chosen."""
    request = documents.registration()
    address = documents.address("TX", postal_code="10001")
    return {**request, "business_contact": {**request["business_contact"], "address": address}}


async def _sending_wrong_files(page: Page, people: People, language: str) -> None:
    """An answer with two files that are none of those taken, and an address that is none."""
    await of(People.asked)(page, people, language)
    await fill_in(page, {"email": "nobody"})
    names = ("IMG_20240305_101500.heic", "letter from the county clerk.docx")
    await page.locator("#file").set_input_files(
        [FilePayload(name=name, mimeType="application/octet-stream", buffer=b"no picture") for name in names]
    )
    await follow(page.locator("main form:has(#file) button").first)
    await page.locator(FAULT).first.wait_for()


async def _own_certificate(page: Page, people: People, language: str) -> None:
    """The public page of a certificate as its holder opens it, from their own page."""
    await of(People.certified)(page, people, language)
    await follow(page.locator("main a[href^='/certificates/']").first)


async def _sending_too_late(page: Page, people: People, language: str) -> None:
    """An answer that is sent after its session has ended, and the sign-in after it."""
    await of(People.asked)(page, people, language)
    session = next(one for one in await page.context.cookies() if one["name"] == "own")
    await people.end_session(session["value"])
    await sent(_stay, "[name=email]", "main form button:visible", message="It is the second one.")(
        page, people, language
    )
    await people.owner_signs_in_again(page, await people.asked())
    await page.wait_for_url("**/me/kept*")


async def _sending_without_cookies(page: Page, people: People, language: str) -> None:
    """An answer that is sent by a browser that has lost its cookies: it comes back with what to do."""
    await of(People.asked)(page, people, language)
    await fill_in(page, {"message": "It is the second one."})
    await page.context.clear_cookies(name="own")
    await follow(page.locator("main form:has([name=message]) button").first)
    await page.locator("main form [name=message][type=hidden]").wait_for(state="attached")


async def _staff_sending_too_late(page: Page, people: People, language: str) -> None:
    """A note that is sent after the session of its author has ended, and the log-in after it."""
    person = "Demo Second Reviewer"
    await people.signs_in_anew(page, person)
    await _open(page, people, await people.waiting_case(), language, 200)
    await people.end_staff_session(page)
    await fill_in(page, {"note": "Asked the other office,\nwhich answers tomorrow."})
    await follow(page.locator("[action$='/note'] button"))
    await follow(page.locator("main a[href*='/staff/sign-in/start']"))
    await page.get_by_role("button", name=person, exact=True).click()
    await page.wait_for_url("**/staff/kept*")


async def _handed_over(page: Page, people: People, language: str) -> None:
    """A case that somebody has just put on a colleague's desk, with the form for that unfolded once more."""
    await as_staff(of(People.waiting_case))(page, people, language)  # who has never signed in is given no case
    await page.context.clear_cookies(name="staff")
    await as_staff(of(People.waiting_case), "Demo Second Reviewer")(page, people, language)
    await page.locator("details:has([action*='/assign']) summary").click()
    await page.locator("[name=colleague]").select_option(label="Demo Reviewer")
    await follow(page.locator("[action*='/assign'] button"))
    await page.locator(".case-assigned--others").wait_for()
    await page.locator("details:has([action*='/assign']) summary").click()


async def _saved_view(page: Page, people: People, language: str) -> None:
    """The queue by whose desk its cases are on, as a view that is saved by its name; the next one finds it."""
    await _handed_over(page, people, language)
    await of(People.queue, "?sort=desk")(page, people, language)
    await page.locator("td.desk").first.wait_for()
    if await page.locator("#view-name").count():
        await page.locator("#view-name").fill("Sample view")
        await follow(page.locator(".views__form button"))
    await page.locator(".views [aria-current]").wait_for()


async def _view_refused(page: Page, people: People, language: str) -> None:
    """Another view under the name of one that is saved."""
    await _saved_view(page, people, language)
    await of(People.queue, "?sort=name")(page, people, language)
    await page.locator("#view-name").fill("Sample view")
    await follow(page.locator(".views__form button"))
    await page.locator("#view-name-error").wait_for()


async def _stay(page: Page, people: People, language: str) -> None:
    """Goes on where one is."""


async def _given_pass(page: Page, people: People, language: str) -> None:
    """Somebody makes a pass for a portal, which lies behind a step."""
    await of(People.registered)(page, people, language)
    await page.locator("details:has([action*='/portal-pass']) summary").click()
    await follow(page.locator("details [action*='/portal-pass'] button").first)
    await page.locator("#pass").wait_for()


async def _altered(page: Page, people: People, language: str) -> None:
    """The event of ours that was kept aside: in a stack that others use too its number isn't known."""
    await of(People.held)(page, people, language)
    await follow(page.locator("main a", has_text=people.known["altered_event"]))


async def _uncounted(page: Page, people: People, language: str) -> None:
    """The report of ours that can't be counted, by way of its case."""
    await of(People.held)(page, people, language)
    await _open(page, people, f"/staff/cases/{people.known['uncounted_case']}", language, 200)
    await follow(page.locator("main a[href*='/webhooks/uncounted/']").first)


async def _rivals(page: Page, people: People, language: str) -> None:
    """Our two who claim one NPN: in a stack that others use too their number isn't known."""
    await of(People.rivals)(page, people, language)
    await follow(page.locator("main table a[href*='/staff/claims/']").last)


async def _unproven_case(page: Page, people: People, language: str) -> None:
    """The case whose NPN is still to be proven, with the form for that unfolded."""
    own = await people.unproven()
    await _open(page, people, f"/staff/cases/{own.rpartition('/')[2]}", language, 200)
    await page.locator("details:has([action*='/identity']) summary").click()


async def _sharing_address(page: Page, people: People, language: str) -> None:
    """An address that somebody else goes by, before a code is sent to it."""
    await people.waiting()
    asks = sent(of(People.asked_case, "/address"), FAULT, email=people.known["waiting_email"])
    await asks(page, people, language)


async def _import_not_undone(page: Page, people: People, language: str) -> None:
    """An undoing without a reason."""
    await of(People.import_with_refusals)(page, people, language)
    await page.locator("details summary").first.click()
    await page.locator("form[action$='/undo'] button:visible").first.click()
    await page.locator(FAULT).first.wait_for()


async def _open(page: Page, people: People, url: str, language: str, status: int) -> None:
    url = url if url.startswith("http") else people.world.web + url
    await people.owner_signs_in(page, url)
    mark = "&" if "?" in url else "?"
    answer = await page.goto(f"{url}{mark}lang={language}")
    assert answer is not None
    assert answer.status == status, f"{url}: {answer.status}"


FAULT = "[role=alert]:visible"
STATUS = "/me/{reference}"
APPEAL = f"{STATUS}/appeal"
AGREEMENT = f"{STATUS}/agreements/{{name}}"
CASE = "/staff/cases/{case_id}"
TRACKER = "/registry/tracker/{npn}"
REGISTER = "/portal/register/{slug}"

BULK_CHOSEN = sent(of(People.unopened, "/bulk?all=1"), ".bulk-names", "#bulk-next")

FIRST_QUESTIONS = sent(at("/request"), "[name=experience]", plan_year="2024")
FROM_ELSEWHERE = {"experience": "new", "kind": "broker", "work_state": "FL"}

PAGES = {
    # requests and their cases; the steps of the request are gone through in test_request.py
    "request": Row("/request", at("/request")),
    "request_returning": Row("/request/instead", sent(FIRST_QUESTIONS, "main a[href^='/me']", experience="returning")),
    "request_other_state": Row("/request/instead", sent(FIRST_QUESTIONS, "main li a", **FROM_ELSEWHERE)),
    "status_waiting": Row(STATUS, of(People.waiting)),
    "status_asked": Row(STATUS, of(People.asked)),
    "status_taken_back": Row(STATUS, of(People.asked_in_vain)),
    "status_asked_counselor": Row(STATUS, of(People.asked_counselor)),
    "status_answer_faulty": Row(f"{STATUS}/information/documents", _sending_wrong_files),
    "status_agreement": Row(STATUS, of(People.returning)),
    "status_agreement_faulty": Row(f"{STATUS}/agreement", sent(of(People.returning), FAULT)),
    "status_unproven": Row(STATUS, of(People.unproven)),
    "own_npn_code": Row(f"{STATUS}/npn/code", sent(of(People.unproven), "[name=code]", "[action*='/npn'] button")),
    "status_denied": Row(STATUS, of(People.denied)),
    "own_appeal_form": Row(APPEAL, of(People.denied, "/appeal")),
    "own_appeal_faulty": Row(APPEAL, sent(of(People.denied, "/appeal"), FAULT)),
    "own_appeal": Row(APPEAL, of(People.appealed, "/appeal")),
    "own_appeal_no_file": Row(
        f"{APPEAL}/evidence", sent(of(People.appealed, "/appeal"), FAULT, "form[action*='/evidence'] button")
    ),
    "status_certified": Row(STATUS, of(People.certified)),
    "status_active": Row(STATUS, of(People.active)),
    "status_suspended": Row(STATUS, of(People.suspended)),
    "status_lapsed": Row(STATUS, of(People.lapsed)),
    "status_unknown": Row(STATUS, of(People.unknown, status=404)),
    "own": Row("/me", of(People.own)),
    "own_sign_in": Row("/me", at("/me")),
    "own_sign_in_refused": Row("/me/sign-in/callback", at("/me/sign-in/callback?error=access_denied", 403)),
    "own_sign_in_faulty": Row("/me/code", sent(at("/me"), FAULT, email="nobody")),
    "own_code": Row("/me/code", sent(at("/me"), "[name=code]", email="nobody.at.all@example.com")),
    "own_code_wrong": Row(
        "/me/sign-in",
        sent(sent(at("/me"), "[name=code]", email="nobody.at.all@example.com"), FAULT, code="no code"),
    ),
    "own_address": Row("/me/email", of(People.address)),
    "own_address_faulty": Row("/me/email", sent(of(People.address), FAULT, email="nobody")),
    "own_address_code": Row(
        "/me/email/confirm", sent(of(People.address), "[name=code]", email="nobody.at.all@example.com")
    ),
    "own_address_code_wrong": Row(
        "/me/email/confirm",
        sent(sent(of(People.address), "[name=code]", email="nobody.at.all@example.com"), FAULT, code="no code"),
    ),
    "own_contacts": Row(f"{STATUS}/contacts", of(People.waiting, "/contacts")),
    "own_contacts_faulty": Row(f"{STATUS}/contacts", sent(of(People.waiting, "/contacts"), FAULT, phone="x")),
    "own_kept": Row("/me/kept", _sending_too_late),
    "own_kept_without_cookies": Row(f"{STATUS}/information/documents", _sending_without_cookies),
    "activate": Row("/activate/{token}", of(People.activation)),
    "activate_used": Row("/activate/{token}", of(People.activated, status=410)),
    # for everybody
    "home": Row("/", at("/")),
    "verify": Row("/certificates", at("/certificates")),
    "certificate": Row("/certificates/{number}", _own_certificate),
    "certificate_federal": Row("/certificates/{number}", of(People.federal_certificate)),
    "certificate_unknown": Row("/certificates/{number}", at("/certificates/NM24-AAAAA-AAAAA-AAAAA-AAAAA", 404)),
    "registry": Row("/registry", at("/registry")),
    "listed_missing": Row("/registry/listed", sent(at("/registry/listed"), "#todo", npn="1234567890")),
    "portal_back": Row("/portal/return/{learner}", at("/portal/return/" + "0" * 32)),
    "tracker": Row(TRACKER, of(People.tracked)),
    "tracker_unknown": Row(TRACKER, at("/registry/tracker/1234567890", 404)),
    "tracker_faulty": Row("/registry/tracker", sent(at("/registry"), FAULT, npn="x")),
    "resources": Row("/resources/{kind}", at("/resources/broker")),
    "resources_unknown": Row("/resources/{kind}", at("/resources/navigator", 404)),
    # the portal of the federal program
    "portal": Row("/portal", at("/portal")),
    "portal_recovery": Row("/portal/recovery", at("/portal/recovery")),
    "portal_register": Row("/portal/register", at("/portal/register")),
    "portal_register_role_faulty": Row(REGISTER, sent(_registering_up_to("role"), FAULT)),
    "portal_register_npn": Row(REGISTER, _registering_up_to("npn")),
    "portal_register_contact_faulty": Row(
        REGISTER, sent(_registering_up_to("professional-contact"), FAULT, **{"professional_contact.website": "x"})
    ),
    "portal_register_check": Row("/portal/register/check", _registering_up_to("check", _elsewhere())),
    "portal_register_code": Row("/portal/register/confirm", _registers),
    "portal_registered": Row("/portal/register/done", _registered),
    "portal_home": Row(STATUS, of(People.registered)),
    "portal_home_training": Row(STATUS, of(People.profiled)),
    "portal_home_agreements": Row(STATUS, of(People.trained)),
    "portal_home_complete": Row(STATUS, of(People.completed)),
    "portal_profile": Row(f"{STATUS}/profile", of(People.registered, "/profile")),
    "portal_profile_faulty": Row(
        f"{STATUS}/profile", sent(of(People.registered, "/profile"), FAULT, "[value=save]:visible")
    ),
    "portal_profile_npn": Row(f"{STATUS}/profile/{{slug}}", of(People.registered, "/profile/npn")),
    "portal_pass": Row(f"{STATUS}/portal-pass", _given_pass),
    "portal_training": Row(f"{STATUS}/training", of(People.profiled, "/training")),
    "portal_training_faulty": Row(
        f"{STATUS}/training",
        sent(of(People.profiled, "/training"), FAULT, "form:has([name=curriculum]:not([type=hidden])) button:visible"),
    ),
    "portal_agreement": Row(AGREEMENT, of(People.trained, "/agreements/individual_privacy_security")),
    "portal_agreement_launched": Row(
        f"{AGREEMENT}/open", sent(of(People.trained, "/agreements/individual_general"), ".agreement.whole")
    ),
    "portal_agreement_accepted": Row(AGREEMENT, of(People.completed, "/agreements/individual_general")),
    # staff
    "staff_sign_in": Row("/staff/sign-in", at("/staff/sign-in")),
    "staff_queue": Row("/staff", as_staff(of(People.queue))),
    "staff_queue_view": Row("/staff", _saved_view),
    "staff_queue_view_refused": Row("/staff/views", _view_refused),
    "staff_bulk": Row("/staff/bulk", as_staff(of(People.unopened, "/bulk?all=1"))),
    "staff_bulk_none": Row("/staff/bulk", as_staff(sent(of(People.unopened, "/bulk"), FAULT, "#bulk-next"))),
    "staff_bulk_confirm": Row("/staff/bulk", as_staff(BULK_CHOSEN)),
    "staff_bulk_faulty": Row("/staff/bulk/approve", as_staff(sent(BULK_CHOSEN, FAULT, reason=" "))),
    "staff_case_note_faulty": Row(
        f"{CASE}/note", as_staff(sent(of(People.waiting_case), FAULT, "[action$='/note'] button", note=" "))
    ),
    "staff_cases": Row("/staff/cases", as_staff(of(People.queue, "/cases"))),
    "staff_search": Row("/staff/search", as_staff(at("/staff/search"))),
    "staff_dashboard": Row("/staff/dashboard", as_staff(of(People.queue, "/dashboard"))),
    "staff_operations": Row("/staff/operations", as_staff(at("/staff/operations"), "Demo Operator")),
    "staff_case": Row(CASE, as_staff(of(People.waiting_case))),
    "staff_case_faulty": Row(
        f"{CASE}/decision", as_staff(sent(of(People.waiting_case), FAULT, "[action$='/decision'] button:visible"))
    ),
    "staff_case_previewed": Row(
        f"{CASE}/decision",
        as_staff(
            sent(
                of(People.waiting_case),
                ".preview",
                "[action$='/decision'] [name=preview]",
                verdict="ask",
                usual="ask_address",
            )
        ),
    ),
    "staff_case_repeat_faulty": Row(
        f"{CASE}/repeat", as_staff(sent(of(People.waiting_case), FAULT, "[action$='/repeat'] button", source="records"))
    ),
    "staff_case_suspend_faulty": Row(
        f"{CASE}/suspend",
        as_staff(sent(of(People.certified_case), FAULT, "[action$='/suspend'] [name=preview]", suspension="agreement")),
    ),
    "staff_case_handed_over": Row(CASE, _handed_over),
    "staff_case_asked": Row(CASE, as_staff(of(People.asked_case))),
    "staff_address": Row(
        f"{CASE}/address",
        as_staff(sent(of(People.asked_case, "/address"), "[name=code]", email="nobody.right@example.com")),
    ),
    "staff_address_shared": Row(f"{CASE}/address", as_staff(_sharing_address)),
    "staff_case_certified": Row(CASE, as_staff(of(People.certified_case), "Demo Auditor")),
    "staff_case_lapsed": Row(CASE, as_staff(of(People.lapsed_case))),
    "staff_case_suspended": Row(CASE, as_staff(of(People.suspended_case))),
    "staff_case_suspended_faults": Row(
        f"{CASE}/suspend", as_staff(sent(of(People.suspended_case), FAULT, "[action$='/suspend'] button", until="soon"))
    ),
    "staff_case_rebuttal_faults": Row(
        f"{CASE}/rebut", as_staff(sent(of(People.suspended_case), FAULT, "[action$='/rebut'] button", text="A sample."))
    ),
    "staff_case_federal": Row(CASE, as_staff(of(People.completed_case), "Demo Auditor")),
    "staff_mail": Row(f"{CASE}/mails/{{number}}", as_staff(of(People.certified_case, "/mails/1"))),
    "staff_evidence": Row(f"{CASE}/evidence/{{number}}", as_staff(of(People.certified_case, "/evidence/1"))),
    "staff_webhooks": Row("/staff/webhooks", as_staff(of(People.held), "Demo Operator")),
    "staff_webhook": Row("/staff/webhooks/altered/{number}", as_staff(_altered, "Demo Operator")),
    "staff_webhook_faulty": Row(
        "/staff/webhooks/altered/{number}/deliver",
        as_staff(sent(_altered, FAULT, "main form:not(.usa-search) button:visible"), "Demo Operator"),
    ),
    "staff_uncounted": Row("/staff/webhooks/uncounted/{number}", as_staff(_uncounted, "Demo Operator")),
    "staff_uncounted_faulty": Row(
        "/staff/webhooks/uncounted/{number}/count",
        as_staff(sent(_uncounted, FAULT, "form[action$='/count'] button:visible"), "Demo Operator"),
    ),
    "staff_uncounted_not_dismissed": Row(
        "/staff/webhooks/uncounted/{number}/dismiss",
        as_staff(sent(_uncounted, FAULT, "form[action$='/dismiss'] button:visible"), "Demo Operator"),
    ),
    "staff_claims": Row("/staff/claims", as_staff(of(People.rivals))),
    "staff_claim": Row("/staff/claims/{number}", as_staff(_rivals)),
    "staff_claim_same_faulty": Row(
        "/staff/claims/{number}/same", as_staff(sent(_rivals, FAULT, "form[action$='/same'] button"))
    ),
    "staff_case_identity_faulty": Row(
        f"{CASE}/identity",
        as_staff(sent(_unproven_case, FAULT, "[action*='/identity'] button")),
    ),
    "staff_appeals": Row("/staff/appeals", as_staff(of(People.appeals))),
    "staff_appeal": Row("/staff/appeals/{case_id}", as_staff(of(People.appealed_case), "Demo Appeals Reviewer")),
    "staff_appeal_previewed": Row(
        "/staff/appeals/{case_id}/decision",
        as_staff(
            sent(
                of(People.appealed_case),
                ".preview",
                "form[action$='/decision'] [name=preview]",
                outcome="reversed",
                usual="convinced",
            ),
            "Demo Appeals Reviewer",
        ),
    ),
    "staff_appeal_faulty": Row(
        "/staff/appeals/{case_id}/decision",
        as_staff(sent(of(People.appealed_case), FAULT, "form[action$='/decision'] button"), "Demo Appeals Reviewer"),
    ),
    "staff_seasons": Row("/staff/season", as_staff(of(People.season), "Demo Operator")),
    "staff_seasons_faulty": Row(
        "/staff/season", as_staff(sent(of(People.season), FAULT, "main button[value='open']"), "Demo Operator")
    ),
    "staff_season": Row(
        "/staff/season/{program}/{plan_year}", as_staff(of(People.season, "/ffm/2026"), "Demo Operator")
    ),
    "staff_season_faulty": Row(
        "/staff/season/{program}/{plan_year}/{change}",
        as_staff(sent(of(People.season, "/ffm/2026"), FAULT, "form[action$='/resume'] button"), "Demo Operator"),
    ),
    "staff_imports": Row("/staff/imports", as_staff(of(People.import_with_refusals), "Demo Operator")),
    "staff_imports_faulty": Row(
        "/staff/imports",
        as_staff(sent(of(People.import_with_refusals), FAULT, "form[enctype] button"), "Demo Operator"),
    ),
    "staff_import_not_undone": Row("/staff/imports/{import_id}/undo", as_staff(_import_not_undone, "Demo Operator")),
    "staff_access_log": Row("/staff/access-log", as_staff(at("/staff/access-log"), "Demo Auditor")),
    "staff_access_log_faulty": Row(
        "/staff/access-log", as_staff(at("/staff/access-log?from=soon&actor=Demo+Reviewer", 422), "Demo Auditor")
    ),
    "staff_kept": Row("/staff/kept", _staff_sending_too_late),
    "staff_own_sessions": Row("/staff/own-sessions", as_staff(at("/staff/own-sessions"))),
    "staff_file_not_needed": Row(CASE, as_staff(of(People.completed_case, status=403), "Demo Operator")),
    "staff_sessions": Row("/staff/sessions", as_staff(at("/staff/sessions"), "Demo Operator")),
}
