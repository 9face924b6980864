"""Every environment variable, typed and explained; read by entry points only, and handed on from there."""

from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from limits import parse
from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_SECRETS = Path("/run/secrets")

RoleName = Literal["reviewer", "appeals_reviewer", "operator", "auditor"]


def _parse_rate(value: str) -> str:
    try:
        parse(value)
    except ValueError:
        raise ValueError('has to be like "60/10 minutes"') from None
    return value


Rate = Annotated[str, AfterValidator(_parse_rate)]


class TrainingVendor(BaseModel):
    """Where a training vendor's site is, and the Standard Webhooks secret(s) it shares with us."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: str = Field(pattern=r"^https?://\S+$")
    secret: SecretStr = Field(min_length=1)


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
        default_factory=dict, description='bearer tokens of staff: {"actor": "token"}'
    )
    staff_roles: dict[str, list[RoleName]] = Field(
        default_factory=dict,
        description='roles of their actors: {"actor": ["reviewer", "operator"]}; one left out is a reviewer',
    )

    oidc_issuer: str = Field(
        default="", description="OpenID Connect provider of the staff's log-in, https://…; empty means no log-in"
    )
    oidc_client_id: str = Field(default="", description="our client id there")
    oidc_client_secret: SecretStr = Field(default=SecretStr(""), description="our client secret there")
    oidc_actor_claim: str = Field(default="preferred_username", description="claim that names an actor in the audit")
    oidc_roles_claim: str = Field(default="roles", description="claim that lists somebody's roles or groups")
    oidc_role_names: dict[str, RoleName] = Field(
        default_factory=dict, description='what stands in it, as our roles: {"group": "reviewer"}'
    )
    session_idle_minutes: int = Field(default=30, ge=1, description="after which a session not used has expired")
    session_hours: int = Field(default=10, ge=1, description="after which every session has expired")

    rate_request: Rate = Field(
        default="60/10 minutes",
        description="form posts of the public for each address, as the library limits writes it",
    )
    rate_look_up: Rate = Field(default="120/minute", description="public look-ups by number for each address")
    rate_sign_in: Rate = Field(default="20/minute", description="log-ins of staff for each address")
    rate_api: Rate = Field(
        default="600/minute",
        description="requests to the API, steps of the form and forms behind an e-mailed link, for each address",
    )
    trusted_proxies: str = Field(
        default="", description="addresses of proxies whose X-Forwarded-For is believed, with commas between"
    )

    temporal_ui_url: str = Field(default="", description="the Temporal UI, for links from cases; empty means none")
    gallery: bool = Field(default=False, description="a page of all notices; only where web_url is a loopback address")

    registry_url: str = Field(description="licence registry (NIPR PDB)")
    registry_user: str = Field(default="", description="its Basic user")
    registry_password: SecretStr = Field(default=SecretStr(""), description="its Basic password")

    background_checks_url: str = Field(description="background-check vendor (Checkr)")
    background_checks_api_key: SecretStr = Field(default=SecretStr(""), description="its API key")
    background_checks_package: str = Field(default="assister_standard", description="the package of checks ordered")
    background_checks_webhook_secret: SecretStr = Field(description="key of X-Checkr-Signature")

    lms_url: str = Field(description="learning management system")
    lms_token: SecretStr = Field(default=SecretStr(""), description="its bearer token")
    lms_webhook_secret: SecretStr = Field(
        description="Standard Webhooks secret of the LMS, whsec_…; two, with a space between, while one is replaced"
    )
    xapi_user: str = Field(default="", description="Basic user for /xapi/statements")
    xapi_password: SecretStr = Field(
        default=SecretStr(""), description="Basic password for /xapi/statements; empty closes it"
    )

    mlms_url: str = Field(description="Marketplace Learning Management System (program ffm)")
    mlms_token: SecretStr = Field(
        default=SecretStr(""), description="its bearer token; it reports as the LMS does, with the LMS's webhook secret"
    )
    vendors: dict[str, TrainingVendor] = Field(
        default_factory=dict,
        description='training vendors (program ffm), approved or not: {"id": {"url": "…", "secret": "whsec_…"}}',
    )
    lists_url: str = Field(
        default="",
        description="where the published federal lists are read again, under /registry; empty means our own web",
    )

    portal_url: str = Field(description="portal (SCIM under /scim/v2)")
    portal_token: SecretStr = Field(default=SecretStr(""), description="bearer token, both directions")
    portal_webhook_secret: SecretStr = Field(description="Standard Webhooks secret(s) of the portal")

    smtp_host: str = Field(default="127.0.0.1", description="mail server")
    smtp_port: int = Field(default=25, description="its port")
    smtp_user: str | None = Field(default=None, description="its user; none means no log-in")
    smtp_password: SecretStr | None = Field(default=None, description="its password")
    smtp_starttls: bool = Field(default=False, description="whether the connection must turn to TLS")
    mail_from: str = Field(
        default="beWellnm Assister Certification <certification@bewellnm.example>", description="sender of the e-mails"
    )

    signing_key_file: Path = Field(
        default=Path("data/signing/signing-key.pem"), description="PEM key that signs certificates"
    )
    signing_cert_file: Path = Field(default=Path("data/signing/signing-cert.pem"), description="its PEM certificate")

    @model_validator(mode="after")
    def _keep_demonstrations_local(self) -> Self:
        """An identity provider without TLS, and the gallery, are for one machine alone."""
        at_home = is_loopback(self.web_url)
        open_provider = self.oidc_issuer and not self.oidc_issuer.startswith("https://")
        if open_provider and not (at_home and is_loopback(self.oidc_issuer)):
            raise ValueError("oidc_issuer has to be an https address")
        if self.gallery and not at_home:
            raise ValueError("gallery is for a web_url on this machine only")
        return self

    @model_validator(mode="after")
    def _name_both_parts_of_a_version(self) -> Self:
        if bool(self.worker_deployment) != bool(self.worker_build_id):
            raise ValueError("worker_deployment and worker_build_id go together: set both, or neither")
        return self

    @cached_property
    def identity_key_bytes(self) -> bytes:
        """The identity key's bytes."""
        return bytes.fromhex(self.identity_key.get_secret_value())

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


def is_loopback(url: str) -> bool:
    """Whether an address is one of this machine's own."""
    host = urlsplit(url).hostname or ""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def load_settings(**values: Any) -> Settings:
    """The settings of this process's environment. Raises pydantic's ValidationError naming what is missing."""
    return Settings(**values)
