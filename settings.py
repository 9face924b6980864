"""Every environment variable, typed and explained; read by entry points only, and handed on from there."""

import hmac
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, timedelta
from functools import cached_property
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from limits import parse
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

_SECRETS = Path("/run/secrets")

ProgramName = Literal["bewellnm", "ffm"]
ReportKindName = Literal[
    "training", "exam", "portal", "applicants", "background-checks", "vendor", "registration", "bounces"
]
DialectName = Literal["xapi", "moodle", "scorm-cloud", "docebo"]
RoleName = Literal["reviewer", "appeals_reviewer", "operator", "auditor"]


def _parse_rate(value: str) -> str:
    try:
        parse(value)
    except ValueError:
        raise ValueError('has to be like "60/10 minutes"') from None
    return value


Rate = Annotated[str, AfterValidator(_parse_rate)]
# The secrets that we send to others.
OUTBOUND = (
    *("portal_token", "lms_token", "mlms_token", "registry_password", "background_checks_api_key"),
    *("smtp_password", "oidc_client_secret", "proofing_client_secret"),
)
# The Absorb that is asked, and who acts by `certify` without a name: the audit would call a third party alike.
RESERVED_SENDERS = frozenset({"absorb", "certify"})
SenderId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]


SHORTEST_SECRET = 16
_BOUNCE_ADDRESS = re.compile(r"[a-z0-9][a-z0-9._-]{0,14}@[a-z0-9-]+(\.[a-z0-9-]+)*", re.ASCII | re.IGNORECASE)
# What was read before, and where it stands now.
RETIRED = {
    "CERTIFY_LMS_WEBHOOK_SECRET": 'now "secret" of the senders "lms" and "mlms", each its own, in CERTIFY_SENDERS',
    "CERTIFY_XAPI_USER": 'now "user" of the sender "record-store" in CERTIFY_SENDERS',
    "CERTIFY_XAPI_PASSWORD": 'now "password" of the sender "record-store" in CERTIFY_SENDERS',
    "CERTIFY_PORTAL_WEBHOOK_SECRET": 'now "secret" of the sender "portal" in CERTIFY_SENDERS',
    "CERTIFY_BACKGROUND_CHECKS_WEBHOOK_SECRET": 'now "check_key" of the sender "background-checks" in CERTIFY_SENDERS',
}


def _is_secret_file(folder: Any, name: str) -> bool:
    return folder is not None and any((Path(folder) / spelled).is_file() for spelled in (name, name.lower()))


class StaffToken(NamedTuple):
    """A bearer token of staff by its SHA-256, and the last day it opens anything; None where it has none."""

    sha256: str
    last_day: date | None
    is_hashed: bool


_HASHED_TOKEN = re.compile(r"sha256:([0-9a-f]{64}) until (\d{4}-\d{2}-\d{2})", re.ASCII)


def parse_staff_token(text: str) -> StaffToken:
    """A token as it stands in the settings: by its hash with its last day, or as it is. Raises ValueError."""
    if not text.startswith("sha256:"):
        # An empty one opens nothing, since no hash is empty.
        return StaffToken(sha256(text.encode()).hexdigest() if text else "", None, False)
    found = _HASHED_TOKEN.fullmatch(text)
    if found is None:
        raise ValueError('a hashed token has to be like "sha256:… until 2027-01-31", with 64 small hexadecimal digits')
    try:
        last_day = date.fromisoformat(found[2])
    except ValueError:
        raise ValueError(f"there is no day {found[2]} until which a hashed token could last") from None
    return StaffToken(found[1], last_day, True)


def _hash_secret(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


class TrainingVendor(BaseModel):
    """Where a training vendor's site is; what it reports is signed with its secret in `Settings.senders`."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: str = Field(pattern=r"^https?://\S+$")

    @model_validator(mode="before")
    @classmethod
    def _refuse_secret(cls, given: Any) -> Any:
        if isinstance(given, dict) and "secret" in given:
            raise ValueError('its "secret" stands in CERTIFY_SENDERS now, as the sender of this id')
        return given


def _check_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError('has to be a time zone such as "America/Denver"') from None
    return value


class SenderSettings(BaseModel):
    """A third party that reports: what it may report, how it shows who it is (in one way), and how it is read."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    program: ProgramName
    kinds: list[ReportKindName] = Field(min_length=1)
    secret: SecretStr | None = Field(default=None, min_length=1)
    check_key: SecretStr | None = Field(default=None, min_length=1)
    token: SecretStr | None = Field(default=None, min_length=1)
    user: str = ""
    password: SecretStr | None = Field(default=None, min_length=1)
    dialect: DialectName = "xapi"
    zone: Annotated[str, AfterValidator(_check_zone)] = "UTC"
    home_page: str = ""
    activities: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _have_one_credential(self) -> Self:
        if len(self.list_secrets()) != 1 or bool(self.user) != bool(self.password):
            raise ValueError("needs one credential: secret, check_key, token, or user and password")
        if any(len(part) < SHORTEST_SECRET for part in self.list_secrets()[0].split()):
            raise ValueError(f"needs secrets of {SHORTEST_SECRET} characters or more; a space stands between two")
        return self

    def list_secrets(self) -> list[str]:
        """Its secrets, in whichever way it shows who it is."""
        given = (self.secret, self.check_key, self.token, self.password)
        return [one.get_secret_value() for one in given if one is not None]


class AbsorbSettings(BaseModel):
    """An Absorb LMS that is asked for what learners have done, and the policy's activities by its courses' ids."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: str = Field(pattern=r"^https?://\S+$")
    api_key: SecretStr = Field(min_length=1)
    user: str = Field(min_length=1)
    password: SecretStr = Field(min_length=1)
    zone: Annotated[str, AfterValidator(_check_zone)] = "UTC"
    activities: dict[str, str] = Field(min_length=1)


class Settings(BaseSettings):
    """The settings of worker, web and command line. Secrets may also be files in /run/secrets, named alike."""

    model_config = SettingsConfigDict(
        env_prefix="CERTIFY_",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
        secrets_dir=_SECRETS if _SECRETS.is_dir() else None,
    )

    data: Path = Field(default=Path("data"), description="folder of the embedded stack")
    database_url: str = Field(
        default="sqlite+aiosqlite:///data/app.sqlite",
        validation_alias=AliasChoices("CERTIFY_DATABASE_URL", "certify_database_url", "DATABASE_URL"),
        description="the database: sqlite+aiosqlite:///… or postgresql+psycopg://…; DATABASE_URL is read too",
    )
    migration_url: SecretStr = Field(
        default=SecretStr(""),
        description="the same PostgreSQL database by the role that owns its tables, for python -m db.migrate only; "
        "empty means database_url",
    )
    policies: Path | None = Field(
        default=None,
        description="folder of the policies, {program}/{year}.toml; empty means those shipped; docs/policies.md says "
        "what stands in them",
    )
    certificates_dir: Path = Field(default=Path("data/certificates"), description="folder of the certificates")
    task_queue: str = Field(default="certification", description="Temporal task queue")
    cached_workflows: int = Field(
        default=150,
        ge=0,
        description="how many cases a worker keeps in memory; another one that moves is read from its history first",
    )
    worker_deployment: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_-]*$",
        description="name of the worker deployment in Temporal; empty means that workers have no versions",
    )
    worker_build_id: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9._-]*$",
        description="what of the code this worker runs, such as a release; goes with the deployment's name",
    )
    held_patches: list[str] = Field(
        default_factory=list,
        description="changes of the workflows that no run begins yet, as a JSON list of patch ids, so that the release "
        "of before can come back",
    )
    ready_file: Path | None = Field(default=None, description="file the worker touches once it polls")

    web_url: str = Field(default="http://127.0.0.1:8000", description="public address, for links")
    web_host: str = Field(default="127.0.0.1", description="address the web process listens on")
    web_port: int = Field(default=8000, description="port the web process listens on")

    identity_key: SecretStr = Field(description="hex key of the hash that tells who is the same person")
    staff_tokens: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="bearer tokens of staff by their SHA-256, each with a name and a last day: "
        '{"name": "sha256:… until 2027-01-31"}; on a machine of one\'s own also {"name": "token"}',
    )
    staff_roles: dict[str, list[RoleName]] = Field(
        default_factory=dict,
        description='roles of these tokens: {"name": ["reviewer", "operator"]}; one left out has none',
    )

    intake_tokens: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="bearer tokens of intake partners, who send requests and vouch for the e-mail addresses in them, "
        "as those of staff are written",
    )

    oidc_issuer: str = Field(
        default="", description="OpenID Connect provider of the staff's log-in, https://…; empty means no log-in"
    )
    oidc_client_id: str = Field(default="", description="our client id there")
    oidc_client_secret: SecretStr = Field(default=SecretStr(""), description="our client secret there")
    oidc_actor_claim: str = Field(
        default="preferred_username", description="claim that names somebody in the audit, when they first sign in"
    )
    oidc_roles_claim: str = Field(
        default="roles",
        description="claim that lists somebody's roles or groups; dots lead into it, as in realm_access.roles",
    )
    oidc_role_names: dict[str, RoleName] = Field(
        default_factory=dict,
        description='what stands in it, as our roles: {"group": "reviewer"}; without it, roles are called as ours',
    )
    proofing_issuer: str = Field(
        default="",
        description="OpenID Connect provider that proofs assisters' identity, https://…; empty means there is none",
    )
    proofing_client_id: str = Field(default="", description="our client id there")
    proofing_client_secret: SecretStr = Field(default=SecretStr(""), description="our client secret there")
    proofing_acr: str = Field(
        default="", description="how surely it has to know who somebody is: the acr it answers with, as it writes that"
    )
    proofing_sign_in_acr: str = Field(
        default="",
        description="acr that is enough to sign in to one's own pages, which proves no NPN; without it, the one above",
    )
    session_idle_minutes: int = Field(default=30, ge=1, description="after which a session not used has expired")
    session_hours: int = Field(default=10, ge=1, description="after which every session has expired")

    rate_request: Rate = Field(
        default="60/10 minutes",
        description="form posts of the public for each address, as the library limits writes it",
    )
    rate_look_up: Rate = Field(default="120/minute", description="public look-ups by number for each address")
    rate_sign_in: Rate = Field(default="20/minute", description="log-ins by an identity provider for each address")
    rate_wrong_credential: Rate = Field(
        default="20/10 minutes", description="bearer tokens and passwords that are wrong, for each address"
    )
    rate_code: Rate = Field(
        default="30/10 minutes", description="codes asked for and typed in by people signing in, for each address"
    )
    rate_code_letter: Rate = Field(
        default="10/hour", description="codes sent to one e-mail address for each address that asks"
    )
    codes_an_hour: int = Field(
        default=2000,
        ge=1,
        description="codes that are sent in an hour, to everybody together; a twentieth of them for each address that "
        "asks",
    )
    rate_api: Rate = Field(
        default="600/minute",
        description="requests to the API, steps of the form and forms on one's own pages, for each address",
    )
    trusted_proxies: str = Field(
        default="", description="addresses of proxies whose X-Forwarded-For is believed, with commas between"
    )

    local_hosts: list[str] = Field(
        default_factory=list,
        description="names of hosts that are this machine, such as a container beside it, as a JSON list: what goes "
        "there needs no TLS",
    )

    command_seconds: float = Field(
        default=10,
        gt=0,
        le=60,
        description="how long the caller of a command waits for its workflow, before being told that it is kept and "
        "will be carried out",
    )
    web_connections: int = Field(
        default=1000,
        ge=10,
        description="how many connections the web process holds at a time, one network that is no trusted proxy a "
        "quarter of them; one more is refused",
    )
    public_metrics: bool = Field(
        default=True, description="whether /metrics answers; anybody who reaches it may read it"
    )
    worker_metrics: str = Field(
        default="",
        pattern=r"^$|^[^\s:]+:\d{1,5}$",
        description="host and port at which a worker shows the Temporal SDK's own metrics; empty means nowhere",
    )
    public_openapi: bool = Field(default=True, description="whether /openapi.json, the API's description, answers")

    temporal_ui_url: str = Field(default="", description="the Temporal UI, for links from cases; empty means none")
    trying: bool = Field(
        default=False,
        description="offers plan years that are past and for trying only; only where web_url is a loopback address",
    )
    gallery: bool = Field(default=False, description="a page of all notices; only where web_url is a loopback address")

    registry_url: str = Field(description="licence registry (NIPR PDB)")
    registry_user: str = Field(default="", description="its Basic user")
    registry_password: SecretStr = Field(default=SecretStr(""), description="its Basic password")
    registry_alerts_url: str = Field(
        default="",
        description="its alerts (NIPR PDB Alerts), by the same user; empty: licenses are watched by cadence alone",
    )

    background_checks_url: str = Field(description="background-check vendor (Checkr)")
    background_checks_api_key: SecretStr = Field(default=SecretStr(""), description="its API key")
    background_checks_package: str = Field(default="assister_standard", description="the package of checks ordered")
    background_checks_report_link: str = Field(
        default="",
        pattern=r"^$|^https://[^\s{}]+\{candidate\}[^\s{}]*$",
        description="the vendor's page of a report, for links from cases: https://…/{candidate}; empty means none",
    )

    lms_url: str = Field(description="learning management system")
    lms_token: SecretStr = Field(default=SecretStr(""), description="its bearer token")

    absorb: AbsorbSettings | None = Field(
        default=None,
        description='an Absorb LMS, which is asked every quarter of an hour: {"url": "https://rest.myabsorb.com", '
        '"api_key": "…", "user": "…", "password": "…", "activities": {"course id": "activity of the policy"}}',
    )

    mlms_url: str = Field(description="Marketplace Learning Management System (program ffm)")
    mlms_token: SecretStr = Field(default=SecretStr(""), description="its bearer token")
    vendors: dict[str, TrainingVendor] = Field(
        default_factory=dict,
        description='training vendors (program ffm), approved or not: {"id": {"url": "…"}}; each reports as the sender '
        "of its id",
    )
    lists_url: str = Field(
        default="",
        description="where the published federal lists are read again, under /registry; empty means our own web",
    )

    portal_url: str = Field(description="portal (SCIM under /scim/v2)")
    portal_token: SecretStr = Field(
        default=SecretStr(""), description="the bearer token that we send to it; it opens nothing here"
    )

    senders: dict[SenderId, SenderSettings] = Field(
        default_factory=dict,
        max_length=100,
        description='who may report to us, each with a credential of its own: {"id": {"program": "ffm", "kinds": '
        '["training"], "secret": "whsec_…"}}; docs/operating.md says what stands in an entry',
    )

    smtp_host: str = Field(default="127.0.0.1", description="mail server")
    smtp_port: int = Field(default=25, description="its port")
    smtp_user: str | None = Field(default=None, description="its user; none means no log-in")
    smtp_password: SecretStr | None = Field(default=None, description="its password")
    smtp_starttls: bool = Field(default=False, description="whether the connection must turn to TLS")
    mail_from: str = Field(
        default="Assister Certification <certification@exchange.example>", description="sender of the e-mails"
    )

    bounce_address: str = Field(
        default="",
        description="address at which letters that can't be delivered come back, such as bounces@exchange.example; "
        "each letter has one of its own, bounces+…@exchange.example; empty means that they go to mail_from, unread",
    )

    signing_key_file: Path = Field(
        default=Path("data/signing/signing-key.pem"), description="PEM key that signs certificates"
    )
    signing_cert_file: Path = Field(default=Path("data/signing/signing-cert.pem"), description="its PEM certificate")

    @field_validator("bounce_address")
    @classmethod
    def _check_bounce_address(cls, address: str) -> str:
        """It is written into every envelope, with a plus sign and 48 characters before its @."""
        if address and not _BOUNCE_ADDRESS.fullmatch(address):
            raise ValueError("has to be like bounces@exchange.example, with 15 characters at most before the @")
        return address

    @field_validator("staff_tokens", "intake_tokens")
    @classmethod
    def _check_tokens(cls, tokens: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, secret in tokens.items():
            try:
                parse_staff_token(secret.get_secret_value())
            except ValueError as error:
                raise ValueError(f"of {name!r}: {error}") from None
        return tokens

    @model_validator(mode="after")
    def _keep_demonstrations_local(self) -> Self:
        """An identity provider without TLS, the gallery, and plan years for trying are for one machine alone."""
        at_home = is_loopback(self.web_url)
        for setting in ("oidc_issuer", "proofing_issuer"):
            issuer = getattr(self, setting)
            if issuer and not issuer.startswith("https://") and not (at_home and is_loopback(issuer)):
                raise ValueError(f"CERTIFY_{setting.upper()} has to be an https address")
        if self.proofing_issuer and not self.proofing_acr:
            raise ValueError(
                "CERTIFY_PROOFING_ISSUER needs CERTIFY_PROOFING_ACR: without it any sign-in would be a proof"
            )
        for setting in ("gallery", "trying"):
            if getattr(self, setting) and not at_home:
                raise ValueError(f"CERTIFY_{setting.upper()} is for a CERTIFY_WEB_URL on this machine only")
        return self

    @model_validator(mode="after")
    def _name_one_issuer(self) -> Self:
        """An address with a gap for the tenant stands for the accounts of every organization there is."""
        if "{" in self.oidc_issuer:
            raise ValueError(
                "CERTIFY_OIDC_ISSUER has a placeholder in it, which stands for every organization's accounts: "
                "write your own tenant's id in its place"
            )
        return self

    @model_validator(mode="after")
    def _name_both_parts_of_a_version(self) -> Self:
        if bool(self.worker_deployment) != bool(self.worker_build_id):
            raise ValueError("CERTIFY_WORKER_DEPLOYMENT and CERTIFY_WORKER_BUILD_ID go together: set both, or neither")
        return self

    @model_validator(mode="before")
    @classmethod
    def _refuse_retired(cls, given: Any) -> Any:
        """Settings of before are named with what took their place: unread they would leave a door shut, or open."""
        folder = cls.model_config.get("secrets_dir")
        found = [name for name in RETIRED if os.environ.get(name) or _is_secret_file(folder, name)]
        if found:
            told = "; ".join(f"{name}: {RETIRED[name]}" for name in found)
            raise ValueError(f"these settings are not read any more ({told}); docs/operating.md shows CERTIFY_SENDERS")
        return given

    @model_validator(mode="after")
    def _keep_credentials_apart(self) -> Self:
        """A credential is one sender's, in one direction (D7)."""
        if reserved := sorted(RESERVED_SENDERS & {*self.senders, *self.intake_tokens}):
            said = f"{' and '.join(reserved)} can't name a sender or an intake partner; choose another name"
            raise ValueError(f"CERTIFY_SENDERS, CERTIFY_INTAKE_TOKENS: {said}")
        # By their hashes, as tokens of staff and intake partners are kept.
        seen = {_hash_secret(one): owner for owner, secret in self._list_outbound() for one in secret.split()}
        for owner, digest in self._list_inbound():
            if digest in seen:
                raise ValueError(f"{owner} has the same secret as {seen[digest]}; give it one of its own")
            seen[digest] = owner
        return self

    def _list_outbound(self) -> Iterator[tuple[str, str]]:
        """The secrets that we send to others, with the setting each stands in."""
        for name in OUTBOUND:
            if (secret := getattr(self, name)) is not None:
                yield name_variable(name), secret.get_secret_value()
        if self.absorb is not None:
            for part in (self.absorb.api_key, self.absorb.password):
                yield "CERTIFY_ABSORB", part.get_secret_value()

    def _list_inbound(self) -> Iterator[tuple[str, str]]:
        """The hashes of the secrets by which others are known, each with whose it is."""
        for setting, tokens in (("STAFF", self.staff_tokens), ("INTAKE", self.intake_tokens)):
            for name, token in tokens.items():
                if token.get_secret_value():
                    yield f"CERTIFY_{setting}_TOKENS: {name}", parse_staff_token(token.get_secret_value()).sha256
        for name, sender in self.senders.items():
            for digest in {_hash_secret(one) for secret in sender.list_secrets() for one in secret.split()}:
                yield f"CERTIFY_SENDERS: {name}", digest

    @cached_property
    def identity_key_bytes(self) -> bytes:
        """The identity key's bytes."""
        return bytes.fromhex(self.identity_key.get_secret_value())

    def find_token_holder(self, given: str, today: date) -> str | None:
        """Whose bearer token of staff this is; None where it is nobody's, or its last day has passed."""
        return _find_holder(self.staff_tokens, given, today)

    def find_intake_partner(self, given: str, today: date) -> str | None:
        """Whose bearer token of an intake partner this is; None as for staff."""
        return _find_holder(self.intake_tokens, given, today)

    @property
    def session_idle(self) -> timedelta:
        """How long a session may rest before it has expired."""
        return timedelta(minutes=self.session_idle_minutes)

    @property
    def session_longest(self) -> timedelta:
        """After how long every session has expired."""
        return timedelta(hours=self.session_hours)

    @property
    def is_secure(self) -> bool:
        """Whether readers come over TLS: then cookies are for TLS only."""
        return self.web_url.startswith("https://")

    @property
    def published_lists(self) -> str:
        """The address under which the federal lists are read again."""
        return self.lists_url or self.web_url


def _find_holder(tokens: Mapping[str, SecretStr], given: str, today: date) -> str | None:
    digest = sha256(given.encode()).hexdigest()
    kept = {name: parse_staff_token(secret.get_secret_value()) for name, secret in tokens.items()}
    # Every token is compared, so that time tells nothing.
    found = [name for name, token in kept.items() if hmac.compare_digest(digest, token.sha256)]
    return next((name for name in found if (kept[name].last_day or today) >= today), None)


def is_loopback(url: str) -> bool:
    """Whether an address is one of this machine's own."""
    host = urlsplit(url).hostname or ""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def name_variable(field: str) -> str:
    """The environment variable of a field of the settings."""
    name = field.upper()
    return name if name.startswith("CERTIFY_") else f"CERTIFY_{name}"


def load_settings(**values: Any) -> Settings:
    """The settings of this process's environment. Raises pydantic's ValidationError naming what is missing."""
    return Settings(**values)
