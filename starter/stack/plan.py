"""What the processes of the embedded stack are told: secrets, addresses and settings; nothing is started here."""

import base64
import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.shared.programs import STATE_PROGRAM
from starter.stack import temporal_server
from starter.stack.folder import Document, StackError

HOST = "127.0.0.1"
OWN_PORTS = ("web", "temporal", "temporal_ui", "temporal_http")
ADDRESSES = {
    f"CERTIFY_{name.upper()}_URL": name for name in ("registry", "background_checks", "lms", "portal", "mlms", "lists")
}
# The registry's stand-in speaks its alerts too.
ALERTS = "CERTIFY_REGISTRY_ALERTS_URL"
STAND_INS = (*ADDRESSES.values(), "vendors")
# The stand-ins that speak HTTP.
SITES = (*STAND_INS, "identity", "mailbox")
SANDBOX_PORTS = (*SITES, "smtp")
# Without the sandbox these have to be set. Not the lists, which are our own, nor vendors, of which there may be none.
THIRD_PARTIES = (*(setting for setting, name in ADDRESSES.items() if name != "lists"), "CERTIFY_SMTP_HOST")
# No policy approves the last one: it shows how an unapproved vendor is refused.
VENDORS = ("vendor-a", "vendor-b", "vendor-c")
SENDERS = "CERTIFY_SENDERS"
VENDOR_SENDERS = "SANDBOX_VENDOR_SENDERS"
IDENTITY_SECRET = "SANDBOX_IDENTITY_CLIENT_SECRET"
# What somebody with the staff token may do.
STAFF_ROLES = {"staff": ["reviewer", "operator"]}


def _make_webhook_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _make_senders() -> str:
    """Who reports to the embedded stack, each with a secret of its own."""
    learning, state, federal = ["training", "exam"], {"program": STATE_PROGRAM}, {"program": "ffm"}
    senders: dict[str, dict[str, object]] = {
        "lms": state | {"kinds": learning, "secret": _make_webhook_secret()},
        "record-store": state | {"kinds": learning, "user": "lms", "password": secrets.token_urlsafe()},
        "background-checks": state | {"kinds": ["background-checks"], "check_key": secrets.token_hex()},
        "portal": state | {"kinds": ["portal"], "secret": _make_webhook_secret()},
        "portal-look-up": state | {"kinds": ["applicants"], "token": secrets.token_urlsafe()},
        "marketplace": federal | {"kinds": ["registration"], "token": secrets.token_urlsafe()},
        "mail": state | {"kinds": ["bounces"], "token": secrets.token_urlsafe()},
        "mlms": federal | {"kinds": ["training"], "secret": _make_webhook_secret()},
    }
    return json.dumps(senders)


def _make_vendor_senders() -> str:
    """The stand-ins of vendors, as senders."""
    vendor = {"program": "ffm", "kinds": ["vendor"]}
    return json.dumps({name: vendor | {"secret": _make_webhook_secret()} for name in VENDORS})


SECRETS: Mapping[str, Callable[[], str]] = {
    "CERTIFY_REGISTRY_USER": lambda: "certification",
    "CERTIFY_REGISTRY_PASSWORD": secrets.token_urlsafe,
    "CERTIFY_BACKGROUND_CHECKS_API_KEY": secrets.token_hex,
    "CERTIFY_LMS_TOKEN": secrets.token_urlsafe,
    "CERTIFY_MLMS_TOKEN": secrets.token_urlsafe,
    SENDERS: _make_senders,
    # Not a setting: with the stand-ins of vendors these are senders too.
    VENDOR_SENDERS: _make_vendor_senders,
    # Not a setting either: the sandbox runs an identity provider only when it is given this secret.
    IDENTITY_SECRET: secrets.token_urlsafe,
    "CERTIFY_PORTAL_TOKEN": secrets.token_urlsafe,
    "CERTIFY_IDENTITY_KEY": secrets.token_hex,
    "CERTIFY_INTAKE_TOKENS": lambda: json.dumps({"intake": secrets.token_urlsafe()}),
    "CERTIFY_STAFF_TOKENS": lambda: json.dumps({"staff": secrets.token_urlsafe()}),
}
# The secrets in stack.json, besides the tokens of staff and of the intake partner, and the vendors' secrets.
SHOWN = {
    "portal": ("marketplace", "token"),
    "portal_look_up": ("portal-look-up", "token"),
    "lms_webhook": ("lms", "secret"),
    "mlms_webhook": ("mlms", "secret"),
    "portal_webhook": ("portal", "secret"),
    "background_checks_webhook": ("background-checks", "check_key"),
    "mail": ("mail", "token"),
    "xapi_user": ("record-store", "user"),
    "xapi_password": ("record-store", "password"),
}


@dataclass(frozen=True)
class Plan:
    """One start of the stack: its folder, ports and settings, and the rest of the environment."""

    data: Path
    ports: Mapping[str, int]
    settings: Mapping[str, str]
    inherited: Mapping[str, str]
    sandbox: bool

    @classmethod
    def build(
        cls, data: Path, ports: Mapping[str, int], kept: Mapping[str, str], users: Mapping[str, str], sandbox: bool
    ) -> "Plan":
        """A user's setting wins over one made here, not over one that follows from the folder or its ports."""
        shared = kept if sandbox else {name: kept[name] for name in kept if not name.startswith("SANDBOX_")}
        stand_ins = _build_sandbox_settings(ports, kept, users) if sandbox else {}
        offered = {**shared, **_build_signing_settings(data), **_build_demonstration_settings(), **stand_ins}
        return cls(
            data, ports, {**offered, **users, **_build_own_settings(data, ports)}, _inherit_environment(), sandbox
        )

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the processes that are ours."""
        return {**self.inherited, **self.settings}

    @property
    def ready_file(self) -> Path:
        """The file the worker touches once it polls."""
        return self.data / ".worker-ready"

    @property
    def makes_signing_pair(self) -> bool:
        """Whether the signing pair is the folder's own, and not there yet."""
        own = _build_signing_settings(self.data)
        chosen = {name: self.settings[name] for name in own}
        return chosen == own and not all(Path(file).exists() for file in own.values())

    @property
    def sandbox_settings(self) -> dict[str, str]:
        """The sandbox's own variables: of the application's settings it reads only the shared secrets."""
        return {
            "SANDBOX_HOST": HOST,
            **{f"SANDBOX_{name.upper()}_PORT": str(self.ports[name]) for name in SANDBOX_PORTS},
            "SANDBOX_MAILBOX_DIR": str(self.data / "mailbox"),
            "SANDBOX_WEB_URL": self.build_url("web"),
        }

    def build_url(self, name: str) -> str:
        """The address of a process or stand-in, by the name of its port."""
        return _build_url(self.ports[name])

    def describe_stack(self) -> Document:
        """The document that is written as stack.json."""
        settings = self.settings
        return {
            "web": self.build_url("web"),
            "temporal": f"{HOST}:{self.ports['temporal']}",
            "temporal_ui": self.build_url("temporal_ui"),
            "mailbox": self.build_url("mailbox") if self.sandbox else None,
            "sandbox": {name: self.build_url(name) for name in (*STAND_INS, "identity")} if self.sandbox else {},
            "secrets": select_shown_secrets(settings),
            "pid": os.getpid(),
            "data": str(self.data),
            "settings": {name: value for name, value in settings.items() if name.startswith(("CERTIFY_", "TEMPORAL_"))},
        }


def select_shown_secrets(settings: Mapping[str, str]) -> Document:
    """The secrets a person or a script needs to act as staff, as the portal or as a third party.

    Those of a sender that a user's own setting leaves out are none.
    """
    senders = _parse_senders(settings[SENDERS])
    return {
        **{name: senders.get(sender, {}).get(part) for name, (sender, part) in SHOWN.items()},
        "vendors": {vendor: one["secret"] for vendor, one in senders.items() if one.get("kinds") == ["vendor"]},
        "intake_token": _parse_first_token(settings, "CERTIFY_INTAKE_TOKENS"),
        "staff_token": _parse_first_token(settings, "CERTIFY_STAFF_TOKENS"),
    }


def build_stand_in_settings(urls: Mapping[str, str], kept: Mapping[str, str]) -> dict[str, str]:
    """The settings with which the stand-ins at these addresses are the third parties."""
    vendors = {vendor: {"url": f"{urls['vendors']}/{vendor}"} for vendor in VENDORS}
    addresses = {setting: urls[name] for setting, name in ADDRESSES.items()} | {ALERTS: urls["registry"]}
    senders = json.loads(kept[SENDERS]) | json.loads(kept[VENDOR_SENDERS])
    return {**addresses, "CERTIFY_VENDORS": json.dumps(vendors), SENDERS: json.dumps(senders)}


def _build_own_settings(data: Path, ports: Mapping[str, int]) -> dict[str, str]:
    """The settings that follow from the folder and its ports, whatever the environment says."""
    return {
        "CERTIFY_DATA": str(data),
        "CERTIFY_DATABASE_URL": f"sqlite+aiosqlite:///{data / 'app.sqlite'}",
        "CERTIFY_CERTIFICATES_DIR": str(data / "certificates"),
        "CERTIFY_WEB_URL": _build_url(ports["web"]),
        "CERTIFY_WEB_HOST": HOST,
        "CERTIFY_WEB_PORT": str(ports["web"]),
        "CERTIFY_TEMPORAL_UI_URL": _build_url(ports["temporal_ui"]),
        "TEMPORAL_ADDRESS": f"{HOST}:{ports['temporal']}",
        "TEMPORAL_NAMESPACE": temporal_server.NAMESPACE,
        # A Temporal profile of the user's would lead to another server.
        "TEMPORAL_CONFIG_FILE": os.devnull,
    }


def _build_sandbox_settings(
    ports: Mapping[str, int], kept: Mapping[str, str], users: Mapping[str, str]
) -> dict[str, str]:
    settings = build_stand_in_settings({name: _build_url(ports[name]) for name in STAND_INS}, kept)
    mail = {
        "SMTP_HOST": HOST,
        "SMTP_PORT": str(ports["smtp"]),
        "MAIL_FROM": "certification@example.org",
        "BOUNCE_ADDRESS": "bounces@example.org",
    }
    log_in = {
        "OIDC_ISSUER": _build_url(ports["identity"]),
        "OIDC_CLIENT_ID": "certify",
        "OIDC_CLIENT_SECRET": kept[IDENTITY_SECRET],
    }
    proofing = {
        "PROOFING_ISSUER": _build_url(ports["identity"]),
        "PROOFING_CLIENT_ID": "certify-assisters",
        "PROOFING_CLIENT_SECRET": kept[IDENTITY_SECRET],
        "PROOFING_ACR": "urn:acr.login.gov:verified-facial-match-required",
        "PROOFING_SIGN_IN_ACR": "urn:acr.login.gov:auth-only",
    }
    # Each group stays whole: mixing the user's own server with our port or password would reach neither.
    groups = {"CERTIFY_SMTP_HOST": mail, "CERTIFY_OIDC_ISSUER": log_in, "CERTIFY_PROOFING_ISSUER": proofing}
    offered = [group for setting, group in groups.items() if setting not in users]
    return {**settings, **{f"CERTIFY_{name}": value for group in offered for name, value in group.items()}}


def _build_demonstration_settings() -> dict[str, str]:
    # Everybody comes from one address here, so limits for each address would stop everybody.
    limited = ("REQUEST", "LOOK_UP", "SIGN_IN", "CODE", "CODE_LETTER", "API", "WRONG_CREDENTIAL")
    rates = {f"CERTIFY_RATE_{what}": "60000/minute" for what in limited}
    return {
        **rates,
        "CERTIFY_CODES_AN_HOUR": "60000",
        "CERTIFY_STAFF_ROLES": json.dumps(STAFF_ROLES),
        "CERTIFY_GALLERY": "1",
        "CERTIFY_TRYING": "1",
    }


def _build_signing_settings(data: Path) -> dict[str, str]:
    folder = data / "signing"
    return {
        "CERTIFY_SIGNING_KEY_FILE": str(folder / "signing-key.pem"),
        "CERTIFY_SIGNING_CERT_FILE": str(folder / "signing-cert.pem"),
    }


def read_user_settings(sandbox: bool) -> dict[str, str]:
    """The settings in the user's environment. Raises `StackError` where nothing stands for a third party."""
    users = {name: value for name, value in os.environ.items() if name.startswith("CERTIFY_") and value}
    # The stack's worker is its only one: as a version that nobody makes current it would be given no task.
    for name in ("CERTIFY_READY_FILE", "CERTIFY_WORKER_DEPLOYMENT", "CERTIFY_WORKER_BUILD_ID"):
        users.pop(name, None)
    missing = [] if sandbox else [name for name in THIRD_PARTIES if name not in users]
    if missing:
        raise StackError(f"Without the sandbox these have to be set: {', '.join(missing)}.", 2)
    return users


def _inherit_environment() -> dict[str, str]:
    """The rest of the environment, without what would lead a process to another server or database."""
    ours = ("CERTIFY_", "SANDBOX_", "TEMPORAL_", "DATABASE_URL")
    rest = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**rest, "PYTHONUNBUFFERED": "1"}


def _parse_first_token(settings: Mapping[str, str], name: str) -> str:
    try:
        return str(next(iter(json.loads(settings[name]).values())))
    except (ValueError, AttributeError, StopIteration):
        raise StackError(f'{name} has to be a JSON object, {{"actor": "token"}}.', 2) from None


def _parse_senders(senders: str) -> dict[str, dict[str, Any]]:
    try:
        return {sender: dict(entry) for sender, entry in json.loads(senders).items()}
    except (ValueError, AttributeError, TypeError):
        form = '{"id": {"program": "…", "kinds": ["…"], "secret": "…"}}'
        raise StackError(f"{SENDERS} has to be a JSON object, {form}.", 2) from None


def _build_url(port: int) -> str:
    return f"http://{HOST}:{port}"
