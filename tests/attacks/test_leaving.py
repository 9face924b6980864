"""Whoever signs out leaves nothing behind in the browser for the next one."""

from tests.attacks.test_email_first import HTML, KNOWN
from tests.web.house import House
from web.http.permissions import StaffRole


async def test_a_browser_forgets_what_it_keeps_when_somebody_signs_out(house: House) -> None:
    """Words of a search that staff made stay in the tab until then."""
    await house.own_session(KNOWN)
    answers = [await house.browser.post("/me/sign-out", headers=HTML)]
    csrf = await house.sign_in(StaffRole.REVIEWER)
    answers.append(await house.browser.post("/staff/sign-out", data={"csrf_token": csrf}, headers=HTML))
    for answer in answers:
        assert (answer.status_code, answer.headers["clear-site-data"]) == (303, '"storage"')
