"""The portal's accounts over SCIM 2.0, with which the exchange creates, changes and suspends them."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, StrictBool, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.http.fields import NULL_IS_EMPTY
from sandbox.http.requests import read_json, require_bearer_token
from sandbox.portal import scim
from sandbox.portal.accounts import AccountExists, PortalAccounts
from sandbox.store import Document

Model = TypeVar("Model", bound=BaseModel)

PATH = "/scim/v2"


def _split_names(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value or []


# A comma-separated parameter of an address, or a list in the body of a search.
AttributeNames = Annotated[list[str], BeforeValidator(_split_names)]


class ScimName(BaseModel):
    """A SCIM user's name."""

    given_name: Annotated[str, NULL_IS_EMPTY, Field(alias="givenName", max_length=100)] = ""
    family_name: Annotated[str, NULL_IS_EMPTY, Field(alias="familyName", max_length=100)] = ""


class ScimUser(BaseModel):
    """The part of a SCIM user that the portal keeps; an attribute that is null or missing has no value."""

    user_name: str = Field(alias="userName", min_length=1, max_length=254)
    external_id: Annotated[str, NULL_IS_EMPTY, Field(alias="externalId", max_length=100)] = ""
    name: ScimName | None = None
    active: StrictBool | None = None

    def list_values(self) -> Document:
        """The values that an account keeps of it."""
        name = self.name or ScimName()
        return {
            "case_id": self.external_id,
            "email": self.user_name,
            "first_name": name.given_name,
            "last_name": name.family_name,
            "active": self.active,
        }


class ScimQuery(BaseModel):
    """Which users are asked for, how many of them, and which attributes of each."""

    filter: str | None = None
    start: int = Field(1, alias="startIndex", ge=-1_000_000, le=1_000_000)
    count: int | None = Field(None, ge=-1_000_000, le=1_000_000)
    attributes: AttributeNames = Field(default_factory=list)
    unwanted: AttributeNames = Field(default_factory=list, alias="excludedAttributes")


class ScimService:
    """The service at `PATH`."""

    def __init__(self, token: str, accounts: PortalAccounts) -> None:
        self._token = token
        self._accounts = accounts

    def build_app(self) -> Starlette:
        """Its web application."""
        return scim.build_scim_application(
            [
                Route("/Users", self.list_users),
                Route("/Users", self.create_user, methods=["POST"]),
                Route("/Users/.search", self.search_users, methods=["POST"]),
                Route("/.search", self.search_users, methods=["POST"]),
                Route("/Users/{id}", self.show_user),
                Route("/Users/{id}", self.replace_user, methods=["PUT"]),
                Route("/Users/{id}", self.patch_user, methods=["PATCH"]),
                Route("/Users/{id}", self.delete_user, methods=["DELETE"]),
                Route("/ServiceProviderConfig", self.show_config),
                Route("/ResourceTypes", self.show_resource_types),
                Route("/ResourceTypes/{id}", self.show_resource_types),
                Route("/Schemas", self.show_schemas),
                Route("/Schemas/{id}", self.show_schemas),
            ]
        )

    async def create_user(self, request: Request) -> Response:
        """Creates an account; 409 where the e-mail or the case has one."""
        require_bearer_token(request, self._token)
        user = _validate_document(ScimUser, scim.select_writable(await read_json(request)))
        try:
            account = self._accounts.create_account(made_by="exchange", **user.list_values())
        except AccountExists:
            raise _build_conflict() from None
        return _respond_with_user(account, request, 201)

    async def list_users(self, request: Request) -> Response:
        """The accounts, all or those of a filter."""
        require_bearer_token(request, self._token)
        return self._respond_with_list(request, _validate_document(ScimQuery, dict(request.query_params)))

    async def search_users(self, request: Request) -> Response:
        """The same, asked by POST."""
        require_bearer_token(request, self._token)
        return self._respond_with_list(request, _validate_document(ScimQuery, await read_json(request)))

    def _respond_with_list(self, request: Request, query: ScimQuery) -> Response:
        users = [_describe_user(account, request) for account in self._accounts.list_accounts()]
        if query.filter:
            users = list(filter(scim.parse_filter(query.filter), users))
        page = scim.build_list(users, query.start, query.count)
        page["Resources"] = [
            scim.select_attributes(user, query.attributes, query.unwanted) for user in page["Resources"]
        ]
        return scim.respond_with_scim(page)

    async def show_user(self, request: Request) -> Response:
        """One account."""
        return _respond_with_user(self._find_account(request), request)

    async def replace_user(self, request: Request) -> Response:
        """Sets everything that can be set of an account."""
        account = self._find_account(request)
        self._change_account(account, scim.select_writable(await read_json(request)))
        return _respond_with_user(account, request)

    async def patch_user(self, request: Request) -> Response:
        """Sets some of it: activates or suspends, or hands the account to another case of its owner."""
        account = self._find_account(request)
        self._change_account(
            account, scim.apply_patch(scim.select_writable(_describe_user(account, request)), await read_json(request))
        )
        return _respond_with_user(account, request)

    async def delete_user(self, request: Request) -> Response:
        """Deletes an account."""
        self._accounts.delete_account(self._find_account(request))
        return Response(status_code=204)

    async def show_config(self, request: Request) -> Response:
        """What this service can do."""
        require_bearer_token(request, self._token)
        return scim.respond_with_scim(scim.SERVICE_PROVIDER_CONFIG)

    async def show_resource_types(self, request: Request) -> Response:
        """Its resource types: there are only users."""
        return self._respond_with_document(scim.RESOURCE_TYPE, request)

    async def show_schemas(self, request: Request) -> Response:
        """The schemas of these."""
        return self._respond_with_document(scim.SCHEMA, request)

    def _respond_with_document(self, document: Document, request: Request) -> Response:
        """The one document of its kind, listed or by its id."""
        require_bearer_token(request, self._token)
        wanted = request.path_params.get("id")
        if wanted not in (None, document["id"]):
            raise scim.ScimProblem(404, "There is no such thing")
        return scim.respond_with_scim(document if wanted else scim.build_list([document]))

    def _find_account(self, request: Request) -> Document:
        require_bearer_token(request, self._token)
        account = self._accounts.find_by_scim_id(request.path_params["id"])
        if account is None:
            raise scim.ScimProblem(404, "There is no such user")
        return account

    def _change_account(self, account: Document, document: Document) -> None:
        try:
            self._accounts.change_account(account, **_validate_document(ScimUser, document).list_values())
        except AccountExists:
            raise _build_conflict() from None


def _validate_document(model: type[Model], document: Any) -> Model:
    """A document as `model`; 400 naming every attribute at fault, never repeating its value."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        named = ", ".join(".".join(map(str, fault["loc"])) or "body" for fault in error.errors())
        raise scim.ScimProblem(400, f"Not understood: {named}", "invalidValue") from None


def _build_conflict() -> scim.ScimProblem:
    return scim.ScimProblem(409, "There is an account with this userName or externalId", "uniqueness")


def _describe_user(account: Document, request: Request) -> Document:
    """An account as a SCIM user, without the attributes that have no value."""
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


def _respond_with_user(account: Document, request: Request, status: int = 200) -> Response:
    """The account, or the attributes of it that were asked for."""
    query, user = _validate_document(ScimQuery, dict(request.query_params)), _describe_user(account, request)
    response = scim.respond_with_scim(scim.select_attributes(user, query.attributes, query.unwanted), status)
    response.headers["Location"] = user["meta"]["location"]
    return response
