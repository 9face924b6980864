"""Every environment variable, typed and explained; read by entry points only, and handed on from there."""

from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

_SECRETS = Path("/run/secrets")


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
    ready_file: Path | None = Field(default=None, description="file the worker touches once it polls")

    web_url: str = Field(default="http://127.0.0.1:8000", description="public address, for links")
    web_host: str = Field(default="127.0.0.1", description="address the web process listens on")
    web_port: int = Field(default=8000, description="port the web process listens on")

    identity_key: SecretStr = Field(description="hex key of the hash that tells who is the same person")
    staff_tokens: dict[str, SecretStr] = Field(
        default_factory=dict, description='bearer tokens of staff: {"actor": "token"}'
    )

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

    @cached_property
    def key(self) -> bytes:
        """The identity key's bytes."""
        return bytes.fromhex(self.identity_key.get_secret_value())

    @property
    def published_lists(self) -> str:
        """The address under which the federal lists are read again."""
        return self.lists_url or self.web_url


def load(**values: Any) -> Settings:
    """The settings of this process's environment. Raises pydantic's ValidationError naming what is missing."""
    return Settings(**values)
