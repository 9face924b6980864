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
    mlms_webhook_secret: str
    portal_token: str
    portal_webhook_secret: str
    portal_look_up_token: str
    mlms_token: str
    vendor_secrets: Mapping[str, str]
    mail_token: str
    """Empty means that the exchange is told of no letter that comes back."""
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
        senders = _read_senders(require_variable("CERTIFY_SENDERS"))
        return cls(
            host=host,
            ports={name: _read_port(environment, name, usual) for name, usual in ports.items()},
            mailbox_dir=mailbox_dir,
            state_file=Path(environment.get("SANDBOX_STATE_FILE") or mailbox_dir / "stand-ins.sqlite"),
            web_url=web_url,
            registry_user=require_variable("CERTIFY_REGISTRY_USER"),
            registry_password=require_variable("CERTIFY_REGISTRY_PASSWORD"),
            background_checks_api_key=require_variable("CERTIFY_BACKGROUND_CHECKS_API_KEY"),
            background_checks_webhook_secret=senders.find_secret("background-checks", "check_key"),
            lms_token=require_variable("CERTIFY_LMS_TOKEN"),
            lms_webhook_secret=senders.find_secret("lms", "secret"),
            mlms_webhook_secret=senders.find_secret("mlms", "secret"),
            portal_token=require_variable("CERTIFY_PORTAL_TOKEN"),
            portal_webhook_secret=senders.find_secret("portal", "secret"),
            portal_look_up_token=senders.find_secret("portal-look-up", "token"),
            mlms_token=require_variable("CERTIFY_MLMS_TOKEN"),
            vendor_secrets=_read_vendor_secrets(require_variable("CERTIFY_VENDORS"), senders),
            mail_token=senders.entries.get("mail", {}).get("token", ""),
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


@dataclass(frozen=True)
class SharedSenders:
    """The senders as the exchange knows them: what each sends is shown by its own secret."""

    entries: Mapping[str, Mapping[str, str]]

    def find_secret(self, sender: str, part: str) -> str:
        """The secret of a sender. Raises `SettingsError` where it has none."""
        secret = self.entries.get(sender, {}).get(part)
        if not secret:
            raise SettingsError(f'CERTIFY_SENDERS has no "{part}" for {sender}')
        return secret


def _read_senders(text: str) -> SharedSenders:
    """From {"sender": {"secret": …}}."""
    try:
        return SharedSenders({sender: dict(entry) for sender, entry in json.loads(text).items()})
    except (ValueError, AttributeError, TypeError):
        raise SettingsError("CERTIFY_SENDERS is not an object of senders with their secrets") from None


def _read_vendor_secrets(text: str, senders: SharedSenders) -> dict[str, str]:
    """The webhook secret of each vendor, from {"vendor": {"url": …}} and its entry as a sender."""
    try:
        vendors = list(json.loads(text).keys())
    except (ValueError, AttributeError):
        raise SettingsError("CERTIFY_VENDORS is not an object of vendors") from None
    if not all(map(VENDOR_ID.fullmatch, vendors)):
        raise SettingsError("CERTIFY_VENDORS names a vendor that can't be a path")
    secrets = {vendor: senders.find_secret(vendor, "secret") for vendor in vendors}
    for vendor, secret in secrets.items():
        try:
            build_standard_signer(secret)  # what is no base64 is refused now, not with the first event
        except (ValueError, RuntimeError):
            raise SettingsError(f"CERTIFY_SENDERS has no secret of the webhooks' scheme for {vendor}") from None
    return secrets
