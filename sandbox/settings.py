"""What the sandbox is told by its environment: where to listen, what to keep where, and the shared secrets."""

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.http.webhooks import build_standard_signer

USUAL_PORTS = {
    "REGISTRY": 8101,
    "BACKGROUND_CHECKS": 8102,
    "LMS": 8103,
    "PORTAL": 8104,
    "MAILBOX": 8105,
    "SMTP": 8106,
    "MLMS": 8107,
    "VENDORS": 8108,
    "LISTS": 8109,
    "IDENTITY": 8110,
}
IDENTITY_SECRET = "SANDBOX_IDENTITY_CLIENT_SECRET"
# A vendor's id is a part of its site's path.
VENDOR_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class SettingsError(Exception):
    """A setting is missing or not understood; the message names it."""


@dataclass(frozen=True)
class SandboxSettings:
    """Where to listen, what to keep where, and the secrets shared with the exchange."""

    host: str
    ports: Mapping[str, int]
    mailbox_dir: Path
    state_file: Path
    web_url: str
    registry_user: str
    registry_password: str
    background_checks_api_key: str
    background_checks_webhook_secret: str
    lms_token: str
    lms_webhook_secret: str
    portal_token: str
    portal_webhook_secret: str
    mlms_token: str
    vendor_secrets: Mapping[str, str]
    identity_client_secret: str
    """Empty means that there is no identity provider."""

    @classmethod
    def read_from(cls, environment: Mapping[str, str]) -> "SandboxSettings":
        """Reads SANDBOX_… and the shared CERTIFY_… variables. Raises `SettingsError`."""

        def require_variable(name: str) -> str:
            if not environment.get(name):
                raise SettingsError(f"{name} is not set")
            return environment[name]

        mailbox_dir = Path(require_variable("SANDBOX_MAILBOX_DIR"))
        web_url = require_variable("SANDBOX_WEB_URL").rstrip("/")
        if not web_url.startswith(("http://", "https://")):
            raise SettingsError("SANDBOX_WEB_URL is not an http address")
        host = environment.get("SANDBOX_HOST", "127.0.0.1")
        identity_client_secret = environment.get(IDENTITY_SECRET, "")
        # Anybody may sign in there as anybody, so nobody but the person at this machine may reach it.
        if identity_client_secret and not (_is_loopback(host) and _is_loopback(_find_host(web_url))):
            raise SettingsError(f"{IDENTITY_SECRET} needs loopback addresses: SANDBOX_HOST and SANDBOX_WEB_URL")
        ports = {name: usual for name, usual in USUAL_PORTS.items() if identity_client_secret or name != "IDENTITY"}
        return cls(
            host=host,
            ports={name: _read_port(environment, name, usual) for name, usual in ports.items()},
            mailbox_dir=mailbox_dir,
            state_file=Path(environment.get("SANDBOX_STATE_FILE") or mailbox_dir / "stand-ins.sqlite"),
            web_url=web_url,
            registry_user=require_variable("CERTIFY_REGISTRY_USER"),
            registry_password=require_variable("CERTIFY_REGISTRY_PASSWORD"),
            background_checks_api_key=require_variable("CERTIFY_BACKGROUND_CHECKS_API_KEY"),
            background_checks_webhook_secret=require_variable("CERTIFY_BACKGROUND_CHECKS_WEBHOOK_SECRET"),
            lms_token=require_variable("CERTIFY_LMS_TOKEN"),
            lms_webhook_secret=require_variable("CERTIFY_LMS_WEBHOOK_SECRET"),
            portal_token=require_variable("CERTIFY_PORTAL_TOKEN"),
            portal_webhook_secret=require_variable("CERTIFY_PORTAL_WEBHOOK_SECRET"),
            mlms_token=require_variable("CERTIFY_MLMS_TOKEN"),
            vendor_secrets=_read_vendor_secrets(require_variable("CERTIFY_VENDORS")),
            identity_client_secret=identity_client_secret,
        )


def _is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host; `localhost` is one by RFC 6761."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _find_host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _read_port(environment: Mapping[str, str], name: str, usual: int) -> int:
    variable = f"SANDBOX_{name}_PORT"
    value = environment.get(variable, str(usual))
    if not value.isdigit() or int(value) > 65535:
        raise SettingsError(f"{variable} is not a port")
    return int(value)


def _read_vendor_secrets(text: str) -> dict[str, str]:
    """The webhook secret of each vendor, from {"vendor": {"url": …, "secret": …}}."""
    try:
        secrets = {vendor: str(entry["secret"]) for vendor, entry in json.loads(text).items()}
        for secret in secrets.values():
            # Refuses a secret that is no base64 now, not with the first event.
            build_standard_signer(secret)
    except (ValueError, AttributeError, KeyError, TypeError, RuntimeError):
        raise SettingsError("CERTIFY_VENDORS is not an object of vendors with their secrets") from None
    if not all(map(VENDOR_ID.fullmatch, secrets)):
        raise SettingsError("CERTIFY_VENDORS names a vendor that can't be a path")
    return secrets
