"""The portal's accounts over SCIM 2.0, for the exchange that makes, changes and suspends them; not what people do."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, StrictBool, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.http.requests import demand_bearer, read_json
from sandbox.portal import scim
from sandbox.portal.accounts import Accounts, Taken
from sandbox.store import Document

Model = TypeVar("Model", bound=BaseModel)

PATH = "/scim/v2"


def _blank(value: Any) -> Any:
    return "" if value is None else value


def _names(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value or []


Names = Annotated[list[str], BeforeValidator(_names)]


class Name(BaseModel):
    """A SCIM user's name."""

    given_name: Annotated[str, BeforeValidator(_blank), Field(alias="givenName", max_length=100)] = ""
    family_name: Annotated[str, BeforeValidator(_blank), Field(alias="familyName", max_length=100)] = ""


class User(BaseModel):
    """The part of a SCIM user the portal keeps; what is null or missing is unassigned."""

    user_name: str = Field(alias="userName", min_length=1, max_length=254)
    external_id: Annotated[str, BeforeValidator(_blank), Field(alias="externalId", max_length=100)] = ""
    name: Name | None = None
    active: StrictBool | None = None

    def values(self) -> Document:
        """What an account keeps of it."""
        name = self.name or Name()
        return {
            "case_id": self.external_id,
            "email": self.user_name,
            "first_name": name.given_name,
            "last_name": name.family_name,
            "active": self.active,
        }


class Query(BaseModel):
    """What is asked of users: which, how many, and what of each."""

    filter: str | None = None
    start: int = Field(1, alias="startIndex", ge=-1_000_000, le=1_000_000)
    count: int | None = Field(None, ge=-1_000_000, le=1_000_000)
    attributes: Names = Field(default_factory=list)
    unwanted: Names = Field(default_factory=list, alias="excludedAttributes")


class Provisioning:
    """The service at `PATH`."""

    def __init__(self, token: str, accounts: Accounts) -> None:
        self._token = token
        self._accounts = accounts

    def app(self) -> Starlette:
        """Its web application."""
        return scim.application(
            [
                Route("/Users", self.users),
                Route("/Users", self.create, methods=["POST"]),
                Route("/Users/.search", self.search, methods=["POST"]),
                Route("/.search", self.search, methods=["POST"]),
                Route("/Users/{id}", self.user),
                Route("/Users/{id}", self.replace, methods=["PUT"]),
                Route("/Users/{id}", self.patch, methods=["PATCH"]),
                Route("/Users/{id}", self.delete, methods=["DELETE"]),
                Route("/ServiceProviderConfig", self.config),
                Route("/ResourceTypes", self.types),
                Route("/ResourceTypes/{id}", self.types),
                Route("/Schemas", self.schemas),
                Route("/Schemas/{id}", self.schemas),
            ]
        )

    async def create(self, request: Request) -> Response:
        """Creates an account; 409 where the e-mail or the case has one."""
        demand_bearer(request, self._token)
        user = _understood(User, scim.writable(await read_json(request)))
        try:
            account = self._accounts.open(made_by="exchange", **user.values())
        except Taken:
            raise _conflict() from None
        return _reply(account, request, 201)

    async def users(self, request: Request) -> Response:
        """The accounts, all or those of a filter."""
        demand_bearer(request, self._token)
        return self._listed(request, _understood(Query, dict(request.query_params)))

    async def search(self, request: Request) -> Response:
        """The same, asked by POST."""
        demand_bearer(request, self._token)
        return self._listed(request, _understood(Query, await read_json(request)))

    def _listed(self, request: Request, query: Query) -> Response:
        users = [_user(account, request) for account in self._accounts.all()]
        if query.filter:
            users = list(filter(scim.matching(query.filter), users))
        page = scim.listing(users, query.start, query.count)
        page["Resources"] = [scim.shown(user, query.attributes, query.unwanted) for user in page["Resources"]]
        return scim.answer(page)

    async def user(self, request: Request) -> Response:
        """One account."""
        return _reply(self._account(request), request)

    async def replace(self, request: Request) -> Response:
        """Sets everything that can be set of an account."""
        account = self._account(request)
        self._change(account, scim.writable(await read_json(request)))
        return _reply(account, request)

    async def patch(self, request: Request) -> Response:
        """Sets some of it: activates or suspends, or hands the account to another case of its owner."""
        account = self._account(request)
        self._change(account, scim.patched(scim.writable(_user(account, request)), await read_json(request)))
        return _reply(account, request)

    async def delete(self, request: Request) -> Response:
        """Forgets an account."""
        self._accounts.forget(self._account(request))
        return Response(status_code=204)

    async def config(self, request: Request) -> Response:
        """What this service can do."""
        demand_bearer(request, self._token)
        return scim.answer(scim.SERVICE_PROVIDER_CONFIG)

    async def types(self, request: Request) -> Response:
        """Its resource types: users alone."""
        return self._only(scim.RESOURCE_TYPE, request)

    async def schemas(self, request: Request) -> Response:
        """Their schemas."""
        return self._only(scim.SCHEMA, request)

    def _only(self, document: Document, request: Request) -> Response:
        """The one document of its kind, listed or by its id."""
        demand_bearer(request, self._token)
        wanted = request.path_params.get("id")
        if wanted not in (None, document["id"]):
            raise scim.ScimProblem(404, "There is no such thing")
        return scim.answer(document if wanted else scim.listing([document]))

    def _account(self, request: Request) -> Document:
        demand_bearer(request, self._token)
        account = self._accounts.of_scim(request.path_params["id"])
        if account is None:
            raise scim.ScimProblem(404, "There is no such user")
        return account

    def _change(self, account: Document, document: Document) -> None:
        try:
            self._accounts.change(account, **_understood(User, document).values())
        except Taken:
            raise _conflict() from None


def _understood(model: type[Model], document: Any) -> Model:
    """A document as `model`; 400 naming every attribute at fault, never repeating its value."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        named = ", ".join(".".join(map(str, fault["loc"])) or "body" for fault in error.errors())
        raise scim.ScimProblem(400, f"Not understood: {named}", "invalidValue") from None


def _conflict() -> scim.ScimProblem:
    return scim.ScimProblem(409, "There is an account with this userName or externalId", "uniqueness")


def _user(account: Document, request: Request) -> Document:
    """An account as SCIM has it, without what is unassigned."""
    name = {"givenName": account["first_name"], "familyName": account["last_name"]}
    user = {
        "schemas": [scim.USER],
        "id": account["scim_id"],
        "externalId": account["case_id"] if account["case_id"] != account["scim_id"] else None,
        "userName": account["email"],
        "name": {part: value for part, value in name.items() if value} or None,
        "emails": [{"value": account["email"], "type": "work", "primary": True}],
        "active": account["active"],
        "meta": {
            "resourceType": "User",
            "created": account["created_at"],
            "lastModified": account["changed_at"],
            "location": str(request.base_url.replace(path=f"{PATH}/Users/{account['scim_id']}")),
        },
    }
    return {attribute: value for attribute, value in user.items() if value is not None}


def _reply(account: Document, request: Request, status: int = 200) -> Response:
    """The account, or as much of it as was asked for."""
    query, user = _understood(Query, dict(request.query_params)), _user(account, request)
    response = scim.answer(scim.shown(user, query.attributes, query.unwanted), status)
    response.headers["Location"] = user["meta"]["location"]
    return response
