"""Stands in for the Broker and the Assister Portal: SCIM accounts, self-registration, profile, scheduling tool."""

import json
import re
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from urllib.parse import quote
from uuid import uuid4

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox import scim
from sandbox.controls import Controls, application
from sandbox.pages import button, definitions, respond
from sandbox.replies import Problem, demand_bearer, is_form, read, read_json
from sandbox.shelf import Document, Shelf
from sandbox.webhooks import Deliveries, client

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response as Answer

ACCOUNT, EMAIL_OWNER, SCIM_OWNER = "account", "account:email", "account:scim"
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


class Name(BaseModel):
    """A SCIM user's name."""

    given_name: str = Field("", alias="givenName", max_length=100)
    family_name: str = Field("", alias="familyName", max_length=100)


class User(BaseModel):
    """The part of a SCIM user this portal keeps."""

    user_name: str = Field(alias="userName", min_length=1, max_length=254)
    external_id: str = Field(alias="externalId", min_length=1, max_length=100)
    name: Name = Field(default_factory=lambda: Name(givenName="", familyName=""))
    active: bool = True


class Portal:
    """The portal: accounts by case, whether made over SCIM or by their owners."""

    def __init__(self, token: str, web_url: str, shelf: Shelf, deliveries: Deliveries) -> None:
        self._token = token
        self._web_url = web_url
        self._shelf = shelf
        self._client: AsyncClient | None = None
        self.deliveries = deliveries
        self.controls = Controls()

    def app(self) -> Starlette:
        """Its web application."""
        routes = [
            Route("/scim/v2/Users", self.scim_users),
            Route("/scim/v2/Users", self.scim_create, methods=["POST"]),
            Route("/scim/v2/Users/{id}", self.scim_user),
            Route("/scim/v2/Users/{id}", self.scim_patch, methods=["PATCH"]),
            Route("/scim/v2/ServiceProviderConfig", self.scim_config),
            Route("/scim/v2/ResourceTypes", self.scim_types),
            Route("/scim/v2/Schemas", self.scim_schemas),
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
        return application(self.controls, routes, "/scim/", scim.MEDIA_TYPE)

    async def stop(self) -> None:
        """Lets go of the connection to the exchange."""
        if self._client:
            await self._client.aclose()

    # Accounts the exchange makes, over SCIM.

    async def scim_create(self, request: Request) -> Response:
        """Creates an account; 409 where the e-mail or the case has one."""
        self._demand_scim(request)
        try:
            user = User.model_validate(await _scim_body(request))
        except ValidationError as error:
            named = ", ".join(".".join(map(str, fault["loc"])) or "body" for fault in error.errors())
            raise scim.ScimProblem(400, f"Not understood: {named}", "invalidValue") from None
        if self._taken(user.external_id, user.user_name):
            raise scim.ScimProblem(409, "There is an account with this userName or externalId", "uniqueness")
        account = self._open(
            user.external_id, user.user_name, "exchange", user.active, user.name.given_name, user.name.family_name
        )
        document = _scim_user(account, request)
        response = scim.answer(document, 201)
        response.headers["Location"] = document["meta"]["location"]
        return response

    async def scim_users(self, request: Request) -> Response:
        """The accounts, all or those of a filter."""
        self._demand_scim(request)
        users = [_scim_user(account, request) for account in self._shelf.all(ACCOUNT)]
        if expression := request.query_params.get("filter"):
            users = list(filter(scim.matching(expression), users))
        start, count = _number(request, "startIndex"), _number(request, "count")
        return scim.answer(scim.listing(users, start or 1, count))

    async def scim_user(self, request: Request) -> Response:
        """One account."""
        self._demand_scim(request)
        return scim.answer(_scim_user(self._scim_account(request), request))

    async def scim_patch(self, request: Request) -> Response:
        """Activates or suspends; becoming active is told by webhook."""
        self._demand_scim(request)
        account = self._scim_account(request)
        changes = scim.patched(await _scim_body(request))
        if changes.get("externalId", account["case_id"]) != account["case_id"]:
            self._hand_over(account, changes["externalId"])
        active = changes.get("active", account["active"])
        becomes_active = active and not account["active"]
        account["active"] = active
        self._keep(account)
        if becomes_active:
            self._tell("account.activated", account["case_id"])
        return scim.answer(_scim_user(account, request))

    async def scim_config(self, request: Request) -> Response:
        """What this service can do."""
        self._demand_scim(request)
        return scim.answer(scim.SERVICE_PROVIDER_CONFIG)

    async def scim_types(self, request: Request) -> Response:
        """Its resource types: users alone."""
        self._demand_scim(request)
        return scim.answer(scim.listing([scim.RESOURCE_TYPE]))

    async def scim_schemas(self, request: Request) -> Response:
        """Their schemas."""
        self._demand_scim(request)
        return scim.answer(scim.listing([scim.SCHEMA]))

    # Accounts people make themselves.

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
                self._tell("registration.refused", problem.case_id, problem.reason)
            if is_form(request):
                return _register_page(problem.detail, problem.status)
            raise
        account = self._open(applicant.case_id, registration.email, "registration", True)
        self._tell("account.registered", account["case_id"])
        if is_form(request):
            return RedirectResponse(f"/accounts/{quote(account['case_id'], safe='')}/page", status_code=303)
        return JSONResponse({"case_id": account["case_id"], "account": "registered"}, status_code=201)

    async def accounts(self, _request: Request) -> Response:
        """Every account."""
        return JSONResponse(self._shelf.all(ACCOUNT))

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
            for account in self._shelf.all(ACCOUNT)
        )
        body = f'<p><a href="/register">Register</a></p><ul class="plain">{items or "<li>No accounts yet.</li>"}</ul>'
        return respond("Broker and Assister Portal", body)

    async def _entitled(self, registration: Registration) -> Applicant:
        """Who registers, if they may; `Refusal` says why not."""
        answer = await self._ask("POST", "/api/portal/applicants", json=registration.model_dump())
        if answer.status_code == 404:
            raise Refusal(422, "unknown_applicant", UNKNOWN, fault="email")
        applicant = _understood(answer)
        case_id = applicant.case_id
        if applicant.kind == COUNSELOR:
            raise Refusal(403, "set_up_by_exchange", SET_UP_BY_EXCHANGE, case_id=case_id)
        await self._check_certificate(registration.certificate_number.strip(), applicant)
        if self._taken(case_id, registration.email):
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

    def _demand_scim(self, request: Request) -> None:
        try:
            demand_bearer(request, self._token)
        except Problem as problem:
            raise scim.ScimProblem(problem.status, problem.detail) from None

    def _taken(self, case_id: str, email: str) -> bool:
        return bool(self._shelf.get(ACCOUNT, case_id) or self._shelf.get(EMAIL_OWNER, email.casefold()))

    def _open(
        self, case_id: str, email: str, made_by: str, active: bool, first_name: str = "", last_name: str = ""
    ) -> Document:
        account: Document = {
            "case_id": case_id,
            "scim_id": str(uuid4()),
            "email": email,
            "first_name": first_name,
            "last_name": last_name,
            "made_by": made_by,
            "active": active,
            "profile": "incomplete",
            "scheduling_tool": "not_ready",
            "created_at": _now(),
            "changed_at": _now(),
        }
        self._keep(account)
        self._shelf.put(EMAIL_OWNER, email.casefold(), {"case_id": case_id})
        self._shelf.put(SCIM_OWNER, account["scim_id"], {"case_id": case_id})
        return account

    def _hand_over(self, account: Document, case_id: str) -> None:
        """From now on the account belongs to another case of its owner, and what it reports is about that one."""
        if self._shelf.get(ACCOUNT, case_id):
            raise scim.ScimProblem(409, "There is an account with this externalId", "uniqueness")
        self._shelf.remove(ACCOUNT, account["case_id"])
        account["case_id"] = case_id
        self._shelf.put(EMAIL_OWNER, account["email"].casefold(), {"case_id": case_id})
        self._shelf.put(SCIM_OWNER, account["scim_id"], {"case_id": case_id})

    def _keep(self, account: Document) -> None:
        account["changed_at"] = _now()
        self._shelf.put(ACCOUNT, account["case_id"], account)

    def _find(self, request: Request) -> Document:
        account = self._shelf.get(ACCOUNT, request.path_params["case_id"])
        if account is None:
            raise Problem(404, "There is no such account")
        return account

    def _scim_account(self, request: Request) -> Document:
        owner = self._shelf.get(SCIM_OWNER, request.path_params["id"])
        account = self._shelf.get(ACCOUNT, owner["case_id"]) if owner else None
        if account is None:
            raise scim.ScimProblem(404, "There is no such user")
        return account

    def _step(self, request: Request, field: str, value: str, event: str) -> Response:
        account = self._find(request)
        if not account["active"]:
            raise Problem(409, "The account is not activated", code="not_activated")
        account[field] = value
        self._keep(account)
        self._tell(event, account["case_id"])
        if is_form(request):
            return RedirectResponse(f"/accounts/{quote(account['case_id'], safe='')}/page", status_code=303)
        return JSONResponse(account)

    def _tell(self, event: str, case_id: str, reason: str | None = None) -> None:
        body = {"type": event, "case_id": case_id, "occurred_at": _now(), **({"reason": reason} if reason else {})}
        self.deliveries.send(case_id, str(uuid4()), event, json.dumps(body))


def _understood(answer: "Answer") -> Applicant:
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


async def _scim_body(request: Request) -> Any:
    try:
        return await read_json(request)
    except Problem as problem:
        raise scim.ScimProblem(400, problem.detail, "invalidSyntax") from None


def _number(request: Request, name: str) -> int | None:
    value = request.query_params.get(name)
    if value is None:
        return None
    if not re.fullmatch(r"-?\d{1,6}", value):
        raise scim.ScimProblem(400, f"{name} is a whole number", "invalidValue")
    return int(value)


def _scim_user(account: Document, request: Request) -> Document:
    return {
        "schemas": [scim.USER],
        "id": account["scim_id"],
        "externalId": account["case_id"],
        "userName": account["email"],
        "name": {"givenName": account["first_name"], "familyName": account["last_name"]},
        "emails": [{"value": account["email"], "type": "work", "primary": True}],
        "active": account["active"],
        "meta": {
            "resourceType": "User",
            "created": account["created_at"],
            "lastModified": account["changed_at"],
            "location": str(request.base_url.replace(path=f"/scim/v2/Users/{account['scim_id']}")),
        },
    }


def _register_page(message: str = "", status: int = 200, number: str = "") -> Response:
    fields = (
        '<label>E-mail <input name="email" type="email" required></label>'
        f'<label>Certificate number <input name="certificate_number" value="{escape(number)}"></label>'
    )
    why = f'<p class="message" role="alert">{escape(message)}</p>' if message else ""
    note = "<p>For agents and brokers who hold a certificate of this plan year.</p>"
    return respond("Register with the Broker Portal", why + note + button("/register", "Register", fields), status)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
