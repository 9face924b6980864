"""Stands in for the Broker Portal and the Assister Portal: who may register, profile, scheduling tool, and SCIM."""

import re
from html import escape
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from sandbox.http.application import build_application
from sandbox.http.controls import Controls
from sandbox.http.exchange import ExchangeClient, ExchangeUnreachable
from sandbox.http.fields import NULL_IS_EMPTY, EmailAddress
from sandbox.http.pages import (
    render_button,
    render_definitions,
    render_link,
    render_list,
    render_message,
    respond_with_page,
)
from sandbox.http.problems import Problem
from sandbox.http.requests import is_form, read_body
from sandbox.http.webhooks import WebhookSender
from sandbox.portal.accounts import PortalAccounts
from sandbox.portal.provisioning import PATH, ScimService
from sandbox.portal.scim import MEDIA_TYPE
from sandbox.store import Document, DocumentStore

if TYPE_CHECKING:
    from httpx2 import Response as Answer

COUNSELOR = "enrollment_counselor"
NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
REFUSED_TITLE = "The registration is refused"

UNKNOWN = "This e-mail address is not known to the exchange. Use the one of your certification request."
SET_UP_BY_EXCHANGE = (
    "Enrollment counselors can't register themselves. The exchange sets up Assister Portal accounts itself after "
    "certification and sends you a link with which you activate yours."
)
NO_NUMBER = "A registration needs a certificate number. You receive yours when you are certified."
NOT_VALID = "The exchange does not call this certificate number valid."
NOT_YOURS = "This certificate number was issued to somebody else."
REGISTERED = "There is an account already. Log in with it."


class RegistrationForm(BaseModel):
    """What somebody who registers alone fills in."""

    model_config = ConfigDict(extra="forbid")

    email: EmailAddress
    certificate_number: Annotated[str, NULL_IS_EMPTY, Field(max_length=100)] = ""


class ApplicantCertificate(BaseModel):
    """A certificate as the exchange names it."""

    number: str
    status: str


class PortalApplicant(BaseModel):
    """Whom the exchange knows under an e-mail."""

    case_id: str = Field(min_length=1, max_length=100)
    kind: str
    certificate: ApplicantCertificate | None = None


class RegistrationRefused(Problem):
    """A registration that was refused; `case_id` is the case it was for, where that is known."""

    def __init__(
        self, status: int, code: str, reason: str, *, case_id: str | None = None, fault: str | None = None
    ) -> None:
        super().__init__(status, REFUSED_TITLE, reason, code=code, fault=fault)
        self.reason = reason
        self.case_id = case_id


class PortalStandIn:
    """The portal: accounts by case, whether made over SCIM or by their owners."""

    def __init__(
        self, token: str, look_up_token: str, web_url: str, store: DocumentStore, sender: WebhookSender
    ) -> None:
        self._token = token
        self._look_up_token = look_up_token
        self._web_url = web_url
        self._accounts = PortalAccounts(store, sender)
        self._exchange = ExchangeClient()
        self.sender = sender
        self.controls = Controls()

    def build_app(self) -> Starlette:
        """Its web application."""
        routes = [
            Mount(PATH, ScimService(self._token, self._accounts).build_app()),
            Route("/register", self.show_registration_form),
            Route("/register", self.register_account, methods=["POST"]),
            Route("/accounts", self.list_accounts),
            Route("/accounts/{case_id}", self.show_account),
            Route("/accounts/{case_id}/page", self.show_account_page),
            Route("/accounts/{case_id}/profile", self.complete_profile, methods=["POST"]),
            Route("/accounts/{case_id}/scheduling-tool", self.set_up_scheduling_tool, methods=["POST"]),
            Route("/", self.show_front_page),
            self.sender.build_resend_route(),
            self.sender.build_route(),
        ]
        return build_application(self.controls, routes, f"{PATH}/", MEDIA_TYPE)

    async def close(self) -> None:
        """Closes the connections to the exchange."""
        await self._exchange.close()

    async def show_registration_form(self, request: Request) -> Response:
        """The form with which agents and brokers register."""
        return _respond_with_form(number=request.query_params.get("certificate_number", ""))

    async def register_account(self, request: Request) -> Response:
        """Registers somebody who has a valid certificate of their own; anybody else is told why not (A24, A27)."""
        try:
            registration = await read_body(request, RegistrationForm)
            applicant = await self._require_entitled(registration)
        except Problem as problem:
            if isinstance(problem, RegistrationRefused) and problem.case_id:
                self._accounts.report_event("registration.refused", problem.case_id, problem.reason)
            if is_form(request):
                return _respond_with_form(problem.detail, problem.status)
            raise
        account = self._accounts.create_account(applicant.case_id, registration.email, "registration", active=True)
        self._accounts.report_event("account.registered", account["case_id"])
        if is_form(request):
            return RedirectResponse(_build_page_path(account), status_code=303)
        return JSONResponse({"case_id": account["case_id"], "account": "registered"}, status_code=201)

    async def list_accounts(self, _request: Request) -> Response:
        """Every account."""
        return JSONResponse(self._accounts.list_accounts())

    async def show_account(self, request: Request) -> Response:
        """One account."""
        return JSONResponse(self._find_account(request))

    async def show_account_page(self, request: Request) -> Response:
        """One account, with the two steps left as buttons."""
        account = self._find_account(request)
        here = _build_path(account)
        facts = {
            "Account": _describe_activation(account),
            "Profile": account["profile"],
            "Scheduling Tool": account["scheduling_tool"].replace("_", " "),
        }
        buttons = render_button(f"{here}/profile", "Complete my profile") + render_button(
            f"{here}/scheduling-tool", "Set up the Scheduling Tool"
        )
        return respond_with_page("Portal account", render_definitions(facts) + buttons)

    async def complete_profile(self, request: Request) -> Response:
        """The owner completes the profile."""
        return self._complete_step(request, "profile", "complete", "profile.completed")

    async def set_up_scheduling_tool(self, request: Request) -> Response:
        """The owner sets up the Scheduling Tool."""
        return self._complete_step(request, "scheduling_tool", "ready", "scheduling_tool.ready")

    async def show_front_page(self, _request: Request) -> Response:
        """The accounts and the way to register, as a page."""
        items = (
            render_link(_build_page_path(account), account["email"], _describe_activation(account))
            for account in self._accounts.list_accounts()
        )
        body = '<p><a href="/register">Register</a></p>' + render_list(items, "No accounts yet.")
        return respond_with_page("Broker and Assister Portal", body)

    async def _require_entitled(self, registration: RegistrationForm) -> PortalApplicant:
        """Who registers, if they may; `RegistrationRefused` says why not."""
        answer = await self._ask_exchange("POST", "/api/portal/applicants", json=registration.model_dump())
        if answer.status_code == 404:
            raise RegistrationRefused(422, "unknown_applicant", UNKNOWN, fault="email")
        applicant = _read_applicant(answer)
        case_id = applicant.case_id
        if applicant.kind == COUNSELOR:
            raise RegistrationRefused(403, "set_up_by_exchange", SET_UP_BY_EXCHANGE, case_id=case_id)
        await self._check_certificate(registration.certificate_number.strip(), applicant)
        if self._accounts.is_taken(case_id, registration.email):
            raise Problem(409, REGISTERED, code="already_registered")
        return applicant

    async def _check_certificate(self, number: str, applicant: PortalApplicant) -> None:
        def refuse_certificate(code: str, reason: str) -> NoReturn:
            raise RegistrationRefused(422, code, reason, case_id=applicant.case_id, fault="certificate_number")

        if not number:
            refuse_certificate("certificate_missing", NO_NUMBER)
        if not NUMBER.fullmatch(number):
            refuse_certificate("certificate_not_valid", NOT_VALID)
        answer = await self._ask_exchange("GET", f"/certificates/{number}")
        if answer.status_code != 200 or _read_certificate_status(answer) != "valid":
            refuse_certificate("certificate_not_valid", NOT_VALID)
        # However it was typed: the exchange found it, and answers it as it writes it.
        written = str(answer.json().get("number") or number)
        if applicant.certificate is None or applicant.certificate.number != written:
            refuse_certificate("certificate_of_another", NOT_YOURS)

    async def _ask_exchange(self, method: str, path: str, **content: Any) -> "Answer":
        """The exchange's answer; 503 when it gives none or fails."""
        headers = {"Accept": "application/json"}
        # The page about a certificate is public, so the portal reads it as anybody would: without the token.
        if method == "POST":
            headers["Authorization"] = f"Bearer {self._look_up_token}"
        answer = await self._exchange.send_request(method, f"{self._web_url}{path}", headers=headers, **content)
        if answer.status_code >= 500:
            raise ExchangeUnreachable
        return answer

    def _find_account(self, request: Request) -> Document:
        account = self._accounts.find_by_case(request.path_params["case_id"])
        if account is None:
            raise Problem(404, "There is no such account")
        return account

    def _complete_step(self, request: Request, field: str, value: str, event: str) -> Response:
        account = self._find_account(request)
        if not account["active"]:
            raise Problem(409, "The account is not activated", code="not_activated")
        self._accounts.change_account(account, **{field: value})
        self._accounts.report_event(event, account["case_id"])
        if is_form(request):
            return RedirectResponse(_build_page_path(account), status_code=303)
        return JSONResponse(account)


def _build_path(account: Document) -> str:
    return f"/accounts/{quote(account['case_id'], safe='')}"


def _build_page_path(account: Document) -> str:
    return f"{_build_path(account)}/page"


def _describe_activation(account: Document) -> str:
    return "active" if account["active"] else "not activated"


def _read_applicant(answer: "Answer") -> PortalApplicant:
    if answer.status_code != 200:
        raise ExchangeUnreachable
    try:
        return PortalApplicant.model_validate(answer.json())
    except ValueError as error:
        raise ExchangeUnreachable from error


def _read_certificate_status(answer: "Answer") -> str | None:
    try:
        return ApplicantCertificate.model_validate(answer.json()).status
    except ValueError:
        return None


def _respond_with_form(message: str = "", status: int = 200, number: str = "") -> Response:
    fields = (
        '<label>E-mail <input name="email" type="email" required></label>'
        f'<label>Certificate number <input name="certificate_number" value="{escape(number)}"></label>'
    )
    why = render_message(message) if message else ""
    note = "<p>For agents and brokers who hold a certificate of this plan year.</p>"
    return respond_with_page(
        "Register with the Broker Portal", why + note + render_button("/register", "Register", fields), status
    )
