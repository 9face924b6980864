"""Who is staff: nobody by another's name or token, by a role of another system, or by a token that is over."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from gettext import NullTranslations
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from starlette.requests import Request

from db.engine import Database
from db.reads.house.staff_names import list_staff_names
from db.writes.house.staff_accounts import recognize_staff
from domain.shared.ids import name_staff_actor
from settings import Settings, parse_staff_token
from starter.doctor import find_unsafe_settings
from templates.labels import make_filters
from tests.attacks.test_client import TOKEN, Visit, visit
from tests.attacks.test_house import build_settings
from tests.attacks.variables import make_variables
from tests.starter.command import call_certify
from web.http.identity_provider import ClaimNames, IdentityProvider, SignInFailed
from web.http.permissions import StaffRole
from web.http.sentences import name_code

__all__ = ["visit"]  # a fixture

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ISSUER, CLIENT = "https://login.example.org/realms/exchange", "certify"
METADATA = {"issuer": ISSUER}
CLAIMS = {"sub": "f:1", "aud": CLIENT, "preferred_username": "rita", "roles": ["reviewer"]}


class Provider:
    """What the library has verified of an answer: the provider's metadata, and the token's claims."""

    def __init__(self, claims: dict[str, Any], metadata: dict[str, Any]) -> None:
        self._claims, self._metadata = claims, metadata

    async def load_server_metadata(self) -> dict[str, Any]:
        return self._metadata

    async def authorize_access_token(self, _: Request) -> dict[str, Any]:
        return {"userinfo": self._claims}


async def read(
    claims: dict[str, Any] | None = None, answer: str = "", metadata: dict[str, Any] | None = None, **how: Any
) -> Any:
    """Who comes back from a provider that says this."""
    names = ClaimNames("preferred_username", how.get("roles", "roles"), how.get("mapping", {}))
    provider = IdentityProvider(ISSUER, CLIENT, "secret", "https://certification.example.org", names)
    provider._client = Provider(CLAIMS | (claims or {}), METADATA | (metadata or {}))
    return await provider.read_identity(Request({"type": "http", "query_string": answer.encode(), "headers": []}))


@pytest.mark.parametrize(
    "claims",
    [
        {"azp": "another"},
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"aud": []},
        {"aud": None},
        {"azp": ""},
        {"sub": ""},
        {"sub": "x" * 201},
        {"preferred_username": " "},
    ],
)
async def test_a_token_for_somebody_else_opens_nothing(claims: dict[str, Any]) -> None:
    with pytest.raises(SignInFailed):
        await read(claims)


async def test_a_token_for_us_alone_does() -> None:
    for claims in ({}, {"aud": [CLIENT]}, {"azp": CLIENT}):
        found = await read(claims)
        assert (found.issuer, found.subject, found.roles) == (ISSUER, "f:1", {StaffRole.REVIEWER})


async def test_an_answer_of_another_issuer_opens_nothing() -> None:
    told = {"authorization_response_iss_parameter_supported": True}
    for answer, metadata in (("iss=https://evil.example.org", {}), ("", told), ("iss=", told)):
        with pytest.raises(SignInFailed):
            await read(answer=answer, metadata=metadata)
    assert await read(answer=f"iss={ISSUER}", metadata=told)


async def test_a_mapping_that_is_set_is_exclusive() -> None:
    mapping = {"exchange-reviewers": "reviewer"}
    assert (await read({"roles": ["operator", "auditor"]}, mapping=mapping)).roles == frozenset()
    mapped = await read({"roles": ["exchange-reviewers", "operator"]}, mapping=mapping)
    assert mapped.roles == {StaffRole.REVIEWER}
    assert (await read({"roles": "operator"})).roles == {StaffRole.OPERATOR}


async def test_p25_roles_may_stand_deeper_in_a_token() -> None:
    """As Keycloak has them."""
    found = await read({"roles": [], "realm_access": {"roles": ["reviewer"]}}, roles="realm_access.roles")
    assert found.roles == {StaffRole.REVIEWER}
    assert (await read({"realm_access": ["reviewer"]}, roles="realm_access.roles")).roles == frozenset()


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_url)
    yield database
    await database.close()


async def test_nobody_is_called_as_the_system_or_as_somebody_else(database: Database) -> None:
    async def recognize(subject: str, name: str, *roles: str) -> tuple[str, list[str] | None]:
        found = await database.write(recognize_staff, ISSUER, subject, name, roles, NOW)
        return found.actor, found.roles_before

    assert await recognize("1", "system", "reviewer") == ("staff:system", None)
    assert await recognize("2", "rita") == ("staff:rita", None)
    # Another one by the same name, and one who is called otherwise now.
    assert await recognize("3", "rita") == ("staff:rita~2", None)
    assert await recognize("2", "rita.example", "auditor") == ("staff:rita", [])
    assert await recognize("2", "system") == ("staff:rita", ["auditor"])
    assert name_staff_actor("sender:lms") == "staff:sender:lms"
    # One who is called as a bearer token is.
    found = await database.write(recognize_staff, ISSUER, "4", "reporting-bot", [], NOW, {"reporting-bot": "…"})
    assert found.actor == "staff:reporting-bot~2"


async def test_who_gives_themselves_another_s_name_is_told_apart_on_every_page(database: Database) -> None:
    """A name is what the provider says; beside one that two have stands what the audit calls each."""
    people = (("1", "rita", "Rita Example"), ("2", "olga", "Olga Example"), ("3", "bot", ""))
    for subject, name, called in people:
        await database.write(recognize_staff, ISSUER, subject, name, [], NOW, (), called)
    assert await database.read(list_staff_names) == {"staff:rita": "Rita Example", "staff:olga": "Olga Example"}
    await database.write(recognize_staff, ISSUER, "2", "olga", [], NOW, (), "Rita Example")
    assert await database.read(list_staff_names) == {
        "staff:rita": "Rita Example (rita)",
        "staff:olga": "Rita Example (olga)",
    }


def test_a_page_tells_somebody_named_system_from_the_system() -> None:
    assert name_code("actor", "staff:system", "en") == "system" != name_code("actor", "system", "en")
    assert name_code("actor", "rita", "en") == "rita"  # as the audit named people before
    shown = make_filters(NullTranslations())["actor"]
    assert shown("staff:system") == "system" != shown("system")


def hashed(token: str, last_day: str) -> dict[str, str]:
    return {"clerk": f"sha256:{sha256(token.encode()).hexdigest()} until {last_day}"}


async def test_a_token_opens_what_its_roles_do_until_its_last_day(visit: Visit) -> None:
    today = datetime.now(UTC).date()

    async def ask(tokens: dict[str, str], roles: list[str], token: str = TOKEN) -> int:
        async with await visit(staff_tokens=tokens, staff_roles={"clerk": roles} if roles else {}) as http:
            return (await http.get("/api/cases", headers={"Authorization": f"Bearer {token}"})).status_code

    kept = hashed(TOKEN, today.isoformat())
    assert await ask(kept, ["auditor"]) == 200
    assert await ask(kept, []) == 403
    assert await ask(kept, ["auditor"], kept["clerk"]) == 401  # what stands in the settings is no token
    assert await ask(hashed(TOKEN, (today - timedelta(days=1)).isoformat()), ["auditor"]) == 401
    assert await ask({"clerk": ""}, ["auditor"], "") == 401


def test_a_token_that_stands_there_as_it_is_is_unsafe() -> None:
    variables = make_variables("sqlite+aiosqlite:///app.sqlite")
    assert find_unsafe_settings(build_settings(variables)) == []
    (found,) = find_unsafe_settings(build_settings(variables, staff_tokens={"clerk": TOKEN}))
    assert "never expires" in found.fault
    assert find_unsafe_settings(build_settings(variables, staff_tokens=hashed(TOKEN, "2027-01-31"))) == []


def test_a_day_that_does_not_exist_is_told_with_whose_token_it_is(tmp_path: Path) -> None:
    variables = make_variables("sqlite+aiosqlite:///app.sqlite")
    tokens = f'{{"clerk": "sha256:{"0" * 64} until 2027-02-31"}}'
    ran = call_certify(tmp_path, "doctor", **{**variables, "CERTIFY_STAFF_TOKENS": tokens})
    assert ran.status == 2
    said = " ".join(ran.err.split())
    assert "CERTIFY_STAFF_TOKENS of 'clerk': there is no day 2027-02-31" in said
    assert "0000" not in said


@pytest.mark.parametrize(
    "kept", ["sha256:abc until 2027-01-31", f"sha256:{'0' * 64}", f"sha256:{'0' * 64} until 31.1."]
)
def test_a_hash_that_is_none_is_told(kept: str) -> None:
    with pytest.raises(ValueError, match="a hashed token"):
        parse_staff_token(kept)
    with pytest.raises(ValidationError) as told:
        Settings.model_validate({"staff_tokens": {"clerk": SecretStr(kept)}})
    assert "0000" not in str(told.value)
