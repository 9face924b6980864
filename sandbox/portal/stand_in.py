"""Stands in for the Broker and the Assister Portal: who may register, profile, scheduling tool; SCIM is mounted."""

import re
from html import escape
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from sandbox.http.controls import Controls, application
from sandbox.http.pages import button, definitions, respond
from sandbox.http.requests import Problem, is_form, read
from sandbox.http.webhooks import Deliveries, client
from sandbox.portal.accounts import Accounts
from sandbox.portal.provisioning import PATH, Provisioning
from sandbox.portal.scim import MEDIA_TYPE
from sandbox.store import Document, Shelf

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response as Answer

COUNSELOR = "enrollment_counselor"
NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
TITLE = "The registration is refused"

UNKNOWN = "This e-mail address is not known to the exchange. Use the one of your certification request."
SET_UP_BY_EXCHANGE = (
    "Enrollment counselors can't register themselves. beWellnm sets up Assister Portal accounts itself after "
    "certification and sends you a link with which you activate yours."
)
NO_NUMBER = "A registration needs a certificate number. You receive yours when you are certified."
NOT_VALID = "The exchange does not call this certificate number valid."
NOT_YOURS = "This certificate number was issued to somebody else."
REGISTERED = "There is an account already. Log in with it."


def _blank(value: Any) -> Any:
    return "" if value is None else value


class Registration(BaseModel):
    """What somebody who registers alone fills in."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)
    certificate_number: Annotated[str, BeforeValidator(_blank), Field(max_length=100)] = ""


class Certificate(BaseModel):
    """A certificate as the exchange names it."""

    number: str
    status: str


class Applicant(BaseModel):
    """Whom the exchange knows under an e-mail."""

    case_id: str = Field(min_length=1, max_length=100)
    kind: str
    certificate: Certificate | None = None


class Refusal(Problem):
    """A registration that was refused, and of whom, where that is known."""

    def __init__(
        self, status: int, code: str, reason: str, *, case_id: str | None = None, fault: str | None = None
    ) -> None:
        super().__init__(status, TITLE, reason, code=code, fault=fault)
        self.reason = reason
        self.case_id = case_id


class Portal:
    """The portal: accounts by case, whether made over SCIM or by their owners."""

    def __init__(self, token: str, web_url: str, shelf: Shelf, deliveries: Deliveries) -> None:
        self._token = token
        self._web_url = web_url
        self._accounts = Accounts(shelf, deliveries)
        self._client: AsyncClient | None = None
        self.deliveries = deliveries
        self.controls = Controls()

    def app(self) -> Starlette:
        """Its web application."""
        routes = [
            Mount(PATH, Provisioning(self._token, self._accounts).app()),
            Route("/register", self.register_page),
            Route("/register", self.register, methods=["POST"]),
            Route("/accounts", self.accounts),
            Route("/accounts/{case_id}", self.account),
            Route("/accounts/{case_id}/page", self.account_page),
            Route("/accounts/{case_id}/profile", self.complete_profile, methods=["POST"]),
            Route("/accounts/{case_id}/scheduling-tool", self.set_up_scheduling, methods=["POST"]),
            Route("/", self.front),
            self.deliveries.route(),
        ]
        return application(self.controls, routes, f"{PATH}/", MEDIA_TYPE)

    async def stop(self) -> None:
        """Lets go of the connection to the exchange."""
        if self._client:
            await self._client.aclose()

    async def register_page(self, request: Request) -> Response:
        """The form with which agents and brokers register."""
        return _register_page(number=request.query_params.get("certificate_number", ""))

    async def register(self, request: Request) -> Response:
        """Registers somebody who has a valid certificate of their own; tells why not, otherwise (A24, A27)."""
        try:
            registration = await read(request, Registration)
            applicant = await self._entitled(registration)
        except Problem as problem:
            if isinstance(problem, Refusal) and problem.case_id:
                self._accounts.tell("registration.refused", problem.case_id, problem.reason)
            if is_form(request):
                return _register_page(problem.detail, problem.status)
            raise
        account = self._accounts.open(applicant.case_id, registration.email, "registration", active=True)
        self._accounts.tell("account.registered", account["case_id"])
        if is_form(request):
            return RedirectResponse(f"/accounts/{quote(account['case_id'], safe='')}/page", status_code=303)
        return JSONResponse({"case_id": account["case_id"], "account": "registered"}, status_code=201)

    async def accounts(self, _request: Request) -> Response:
        """Every account."""
        return JSONResponse(self._accounts.all())

    async def account(self, request: Request) -> Response:
        """One account."""
        return JSONResponse(self._find(request))

    async def account_page(self, request: Request) -> Response:
        """One account, with the two steps left as buttons."""
        account = self._find(request)
        here = f"/accounts/{quote(account['case_id'], safe='')}"
        facts = {
            "Account": "active" if account["active"] else "not activated",
            "Profile": account["profile"],
            "Scheduling Tool": account["scheduling_tool"].replace("_", " "),
        }
        buttons = button(f"{here}/profile", "Complete my profile") + button(
            f"{here}/scheduling-tool", "Set up the Scheduling Tool"
        )
        return respond("Portal account", definitions(facts) + buttons)

    async def complete_profile(self, request: Request) -> Response:
        """The owner completes the profile."""
        return self._step(request, "profile", "complete", "profile.completed")

    async def set_up_scheduling(self, request: Request) -> Response:
        """The owner sets up the Scheduling Tool."""
        return self._step(request, "scheduling_tool", "ready", "scheduling_tool.ready")

    async def front(self, _request: Request) -> Response:
        """The way in."""
        items = "".join(
            f'<li><strong><a href="/accounts/{quote(account["case_id"], safe="")}/page">{escape(account["email"])}</a>'
            f"</strong><small>{'active' if account['active'] else 'not activated'}</small></li>"
            for account in self._accounts.all()
        )
        body = f'<p><a href="/register">Register</a></p><ul class="plain">{items or "<li>No accounts yet.</li>"}</ul>'
        return respond("Broker and Assister Portal", body)

    async def _entitled(self, registration: Registration) -> Applicant:
        """Who registers, if they may; `Refusal` says why not."""
        answer = await self._ask("POST", "/api/portal/applicants", json=registration.model_dump())
        if answer.status_code == 404:
            raise Refusal(422, "unknown_applicant", UNKNOWN, fault="email")
        applicant = _applicant(answer)
        case_id = applicant.case_id
        if applicant.kind == COUNSELOR:
            raise Refusal(403, "set_up_by_exchange", SET_UP_BY_EXCHANGE, case_id=case_id)
        await self._check_certificate(registration.certificate_number.strip(), applicant)
        if self._accounts.taken(case_id, registration.email):
            raise Problem(409, REGISTERED, code="already_registered")
        return applicant

    async def _check_certificate(self, number: str, applicant: Applicant) -> None:
        def refuse(code: str, reason: str) -> NoReturn:
            raise Refusal(422, code, reason, case_id=applicant.case_id, fault="certificate_number")

        if not number:
            refuse("certificate_missing", NO_NUMBER)
        if not NUMBER.fullmatch(number):
            refuse("certificate_not_valid", NOT_VALID)
        answer = await self._ask("GET", f"/certificates/{number}")
        if answer.status_code != 200 or _status(answer) != "valid":
            refuse("certificate_not_valid", NOT_VALID)
        if applicant.certificate is None or applicant.certificate.number != number:
            refuse("certificate_of_another", NOT_YOURS)

    async def _ask(self, method: str, path: str, **body: Any) -> "Answer":
        """The exchange's answer; 503 when there is none."""
        import httpx2

        self._client = self._client or client()
        headers = {"Accept": "application/json"}
        if method == "POST":
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            answer = await self._client.request(method, f"{self._web_url}{path}", headers=headers, **body)
        except httpx2.HTTPError as error:
            raise _no_answer() from error
        if answer.status_code >= 500:
            raise _no_answer()
        return answer

    def _find(self, request: Request) -> Document:
        account = self._accounts.of_case(request.path_params["case_id"])
        if account is None:
            raise Problem(404, "There is no such account")
        return account

    def _step(self, request: Request, field: str, value: str, event: str) -> Response:
        account = self._find(request)
        if not account["active"]:
            raise Problem(409, "The account is not activated", code="not_activated")
        self._accounts.change(account, **{field: value})
        self._accounts.tell(event, account["case_id"])
        if is_form(request):
            return RedirectResponse(f"/accounts/{quote(account['case_id'], safe='')}/page", status_code=303)
        return JSONResponse(account)


def _applicant(answer: "Answer") -> Applicant:
    try:
        if answer.status_code != 200:
            raise _no_answer()
        return Applicant.model_validate(answer.json())
    except ValueError as error:
        raise _no_answer() from error


def _status(answer: "Answer") -> str | None:
    try:
        return Certificate.model_validate(answer.json()).status
    except ValueError:
        return None


def _no_answer() -> Problem:
    return Problem(503, "The exchange could not be asked; try again later")


def _register_page(message: str = "", status: int = 200, number: str = "") -> Response:
    fields = (
        '<label>E-mail <input name="email" type="email" required></label>'
        f'<label>Certificate number <input name="certificate_number" value="{escape(number)}"></label>'
    )
    why = f'<p class="message" role="alert">{escape(message)}</p>' if message else ""
    note = "<p>For agents and brokers who hold a certificate of this plan year.</p>"
    return respond("Register with the Broker Portal", why + note + button("/register", "Register", fields), status)
