"""What of the settings is unsafe, and how to mend it: `certify doctor` tells it, web and worker refuse to start by it.

A set-up that listens on a loopback address and is reached at one is nobody else's: there nothing is refused.
"""

import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from limits import parse
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import SettingsError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from temporalio.envconfig import ClientConfig

from domain.programs.policy_files import FaultyPolicies
from settings import Settings, is_loopback, load_settings, name_variable, parse_staff_token
from starter.policies import SHIPPED, PolicyFolder, load_policies, read_folder

# What we make ourselves has at least 128 random bits, in hexadecimal digits; what third parties hand out has its length
# from them. The identity key is the key of a hash of 256 bits.
SHORTEST_OF_OURS, SHORTEST, SHORTEST_IDENTITY_KEY = 32, 12, 64
# A random secret has more different characters than this; "aaaa…" and "0123…" have not.
FEWEST_CHARACTERS = 8
SAMPLES = re.compile(r"change.?me|replace.?me|sample|example|placeholder|password|dummy", re.I)
LONGEST_SESSION_HOURS = 24
# What is tried again and again is found in the end: a code has six digits.
MOST_CODES_AN_HOUR = 20_000
GUESSING_RATES = ("rate_code", "rate_sign_in", "rate_wrong_credential")
MOST_GUESSES_A_SECOND = 1
# A wider network is nobody's own.
WIDEST_NETWORKS = {4: 8, 6: 16}
# PostgreSQL's ways to connect in which what isn't encrypted fails.
ENCRYPTED = ("require", "verify-ca", "verify-full")

# Secrets that a third party hands out.
GIVEN = (
    "registry_password",
    "background_checks_api_key",
    "lms_token",
    "mlms_token",
    "absorb",
    "oidc_client_secret",
    "proofing_client_secret",
    "smtp_password",
)
# Bearer tokens that are to stand there by their hashes.
HASHED = ("staff_tokens", "intake_tokens")
# Addresses with a password in them.
DATABASES = ("database_url", "migration_url")
# An empty one is at fault only where the other setting names what it is for.
NEEDED_WITH = {
    "oidc_client_secret": "oidc_issuer",
    "proofing_client_secret": "proofing_issuer",
    "smtp_password": "smtp_user",
    "registry_password": "registry_user",
}
# Where something else than a third party is.
NOT_THIRD_PARTIES = ("web_url", "temporal_ui_url", *DATABASES)


class InvalidSettings(Exception):
    """Settings that are missing or can't be understood, in sentences without a value."""


@dataclass(frozen=True)
class UnsafeSetting:
    """A setting at fault, by its variable: what is wrong with it, and how to mend it; each a sentence."""

    setting: str
    fault: str
    mend: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.fault} {self.mend}"


def is_production(settings: Settings) -> bool:
    """Whether others than the people of this machine can reach the system."""
    return not (is_loopback(settings.web_url) and _is_loopback_host(settings.web_host))


def find_unsafe_settings(settings: Settings) -> list[UnsafeSetting]:
    """Everything that is unsafe for a system that others can reach, in the order of the checks."""
    return [
        *_check_public_address(settings),
        *_check_listener(settings),
        *_check_secrets(settings),
        *_check_tokens(settings),
        *_check_connections(settings),
        *_check_temporal(settings),
        *_check_databases(settings),
        *_check_guesses(settings),
        *_check_sessions(settings),
    ]


def list_shut_doors(settings: Settings) -> list[UnsafeSetting]:
    """What is safe, and shuts somebody out who was let in by the settings of an earlier release."""
    found = []
    if not settings.senders:
        fault = "There is no sender: every report of LMS, portal, background checks and vendors is answered 401."
        mend = "Give each third party an entry; docs/operating.md says how."
        found.append(UnsafeSetting("CERTIFY_SENDERS", fault, mend))
    kinds = {kind for sender in settings.senders.values() for kind in sender.kinds}
    if settings.portal_token.get_secret_value() and not kinds & {"applicants", "registration"}:
        fault = "It opens nothing here any more, and no sender may look applicants up or take steps of registrations."
        mend = 'Give the portal an entry in CERTIFY_SENDERS of kind "applicants" or "registration", with its own token.'
        found.append(UnsafeSetting("CERTIFY_PORTAL_TOKEN", fault, mend))
    if without := sorted(name for name in settings.staff_tokens if not settings.staff_roles.get(name)):
        fault = f"The tokens of {', '.join(without)} have no role, and open nothing."
        found.append(UnsafeSetting("CERTIFY_STAFF_ROLES", fault, 'Give each its roles: {"name": ["reviewer"]}.'))
    return found


def list_sample_texts(settings: Settings, read: PolicyFolder | None = None) -> list[UnsafeSetting]:
    """What a system that others can reach shows them, and nobody has approved; nothing is refused for it (A3).

    ``read`` is the folder of policies where it was read already.
    """
    found: Sequence[object] = ()
    if is_production(settings):
        with suppress(FaultyPolicies):  # which a start tells, and `certify policy check`
            found = (read or read_folder(settings.policies or SHIPPED)).list_warnings()
    fault = f"{len(found)} of the texts that people accept are samples, or name another company."
    mend = "Put those that counsel has approved in their place; `certify policy check` names each."
    return [UnsafeSetting("CERTIFY_POLICIES", fault, mend)] * bool(found)


def read_settings() -> Settings:
    """The settings of this process's environment. Raises `InvalidSettings` naming what is missing or not understood."""
    try:
        settings = load_settings()
        if not settings.identity_key_bytes:
            raise ValueError("empty")
    except ValidationError as error:
        raise InvalidSettings(" ".join(_describe_faults(error))) from None
    except SettingsError as error:
        # This error names the field in its sentence only.
        field = re.search(r'"(\w+)"', str(error))
        raise InvalidSettings(f"Settings are not understood: {name_variable(field[1]) if field else error}.") from None
    except ValueError:
        raise InvalidSettings("CERTIFY_IDENTITY_KEY has to be a hexadecimal key.") from None
    return settings


def load_safe_settings() -> Settings:
    """The settings of a process that is about to start, and its policies put in force.

    Unsafe settings and faulty policies end it with status 2 and a line for each fault.
    """
    try:
        settings = read_settings()
    except InvalidSettings as error:
        sys.exit(_refuse_start([str(error)]))
    if is_production(settings) and (found := find_unsafe_settings(settings)):
        sys.exit(_refuse_start(["This process does not start, since its settings are unsafe:", *map(str, found)]))
    try:
        read = load_policies(settings.policies, trying=settings.trying)
    except FaultyPolicies as error:
        sys.exit(_refuse_start(["This process does not start, since its policies have faults:", *error.list_lines()]))
    for one in list_sample_texts(settings, read):
        print(one, file=sys.stderr, flush=True)
    return settings


def _describe_faults(error: ValidationError) -> list[str]:
    """What is missing or not understood, without any value."""
    faults = error.errors(include_url=False, include_input=False)
    missing = [name_variable(str(one["loc"][0])) for one in faults if one["type"] == "missing"]
    unread = [name_variable(str(one["loc"][0])) for one in faults if one["loc"] and one["type"] != "missing"]
    parts = [f"missing: {', '.join(missing)}"] * bool(missing) + [f"not understood: {', '.join(unread)}"] * bool(unread)
    # What a check of ours says is a sentence of ours, without a value; one over several settings names them.
    whole = [_read_sentence(one["msg"]) for one in faults if not one["loc"]]
    whole += [
        f"{name_variable(str(one['loc'][0]))} {_read_sentence(one['msg'])}"
        for one in faults
        if one["loc"] and one["type"] == "value_error"
    ]
    return [f"Settings are {'; '.join(parts)}."] * bool(parts) + [f"{one.rstrip('.')}." for one in whole]


def _read_sentence(told: str) -> str:
    return told.removeprefix("Value error, ")


def _refuse_start(lines: list[str]) -> int:
    print(*lines, sep="\n", file=sys.stderr, flush=True)
    return 2


# addresses


def _check_public_address(settings: Settings) -> Iterator[UnsafeSetting]:
    if not settings.is_secure:
        yield UnsafeSetting(
            "CERTIFY_WEB_URL",
            "The public address is without https, so that sessions, codes and forms can be read on their way.",
            "Put a proxy with TLS in front of the web, and name its https:// address.",
        )


def _check_listener(settings: Settings) -> Iterator[UnsafeSetting]:
    trusted = [one.strip() for one in settings.trusted_proxies.split(",") if one.strip()]
    if not trusted and not _is_loopback_host(settings.web_host):
        yield UnsafeSetting(
            "CERTIFY_TRUSTED_PROXIES",
            f"The web listens on {settings.web_host} and trusts no proxy: everybody seems to come from the proxy's "
            "address, and one person's tries lock everybody out.",
            "Name the address of the proxy in front of the web, or set CERTIFY_WEB_HOST to 127.0.0.1.",
        )
    unread = [one for one in trusted if one != "*" and _read_network(one) is None]
    if unread:
        yield UnsafeSetting(
            "CERTIFY_TRUSTED_PROXIES",
            f"{', '.join(unread)} is no address: names are not looked up, so that no proxy is trusted by one.",
            "Name the IP addresses of your own proxies, with commas between.",
        )
    if _is_everybody(trusted):
        yield UnsafeSetting(
            "CERTIFY_TRUSTED_PROXIES",
            "Everybody is trusted as a proxy, so that anybody can choose the address they seem to come from.",
            "Name the addresses of your own proxies, with commas between.",
        )


def _read_network(proxy: str) -> IPv4Network | IPv6Network | None:
    with suppress(ValueError):
        return ip_network(proxy, strict=False)
    return None


def _is_everybody(trusted: Sequence[str]) -> bool:
    """Whether the networks together are wider than anybody's own: halves of the Internet are the Internet."""
    networks = [one for one in map(_read_network, trusted) if one is not None]
    old: list[IPv4Network] = [one for one in networks if isinstance(one, IPv4Network)]
    new: list[IPv6Network] = [one for one in networks if isinstance(one, IPv6Network)]
    joined: list[IPv4Network | IPv6Network] = [*collapse_addresses(old), *collapse_addresses(new)]
    return "*" in trusted or any(one.prefixlen < WIDEST_NETWORKS[one.version] for one in joined)


def _is_loopback_host(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


# secrets


def _check_secrets(settings: Settings) -> Iterator[UnsafeSetting]:
    uses: dict[str, list[str]] = defaultdict(list)
    for name, use, text in _list_secrets(settings):
        variable = name_variable(name)
        called = f"The secret of {use!r}" if use else "The secret"
        # While one is replaced, the old and the new one stand here.
        for one in text.split() or [""]:
            uses[one].append(variable if not use else f"{variable} ({use})")
            if why := _find_weakness(settings, name, one):
                mend = "Write the one you were given." if name in GIVEN else "Make a random one: openssl rand -hex 32."
                yield UnsafeSetting(variable, f"{called} {why}.", mend)
    for one, names in uses.items():
        if one and len(set(names)) > 1:
            first, *others = sorted(set(names))
            fault = f"The same secret is used for {', '.join(others)}: whoever holds it for one use has the others."
            yield UnsafeSetting(first, fault, "Make one for each use: openssl rand -hex 32.")


def _list_secrets(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Every secret: the field it stands in, whose it is where the field has several, and its text."""
    for name in type(settings).model_fields:
        if name not in DATABASES:
            for use, secret in _walk_secrets(getattr(settings, name), ""):
                if name not in HASHED or not parse_staff_token(secret.get_secret_value()).is_hashed:
                    yield name, use, secret.get_secret_value()
    urls = {"database_url": settings.database_url, "migration_url": settings.migration_url.get_secret_value()}
    for name, url in urls.items():
        with suppress(ArgumentError):
            if password := make_url(url).password:
                yield name, "", str(password)


def _walk_secrets(value: Any, use: str) -> Iterator[tuple[str, SecretStr]]:
    if isinstance(value, SecretStr):
        yield use, value
    elif isinstance(value, BaseModel):
        for field in type(value).model_fields:
            yield from _walk_secrets(getattr(value, field), use)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _walk_secrets(one, f"{use} {key}".strip())
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _walk_secrets(one, use)


def _find_weakness(settings: Settings, name: str, secret: str) -> str | None:
    """What is wrong with a secret by itself, as the rest of a sentence; None where nothing is."""
    if not secret:
        needed = name not in NEEDED_WITH or getattr(settings, NEEDED_WITH[name])
        return "is empty" if needed else None
    text = secret.removeprefix("whsec_")
    shortest = SHORTEST if name in (*GIVEN, *DATABASES) else SHORTEST_OF_OURS
    if name == "identity_key":
        shortest = SHORTEST_IDENTITY_KEY
    is_repeated = text in (text + text)[1:-1]
    if SAMPLES.search(text) or len(set(text)) < FEWEST_CHARACTERS or is_repeated:
        return "is a sample, which anybody can guess"
    return f"is shorter than {shortest} characters" if len(text) < shortest else None


def _check_tokens(settings: Settings) -> Iterator[UnsafeSetting]:
    for setting in HASHED:
        for name, secret in getattr(settings, setting).items():
            if secret.get_secret_value() and not parse_staff_token(secret.get_secret_value()).is_hashed:
                fault = f"The token of {name!r} stands there as it is and never expires: who reads the settings has it."
                mend = 'Write its hash and its last day, "sha256:… until 2027-01-31": printf %s TOKEN | sha256sum.'
                yield UnsafeSetting(f"CERTIFY_{setting.upper()}", fault, mend)


# connections


def _check_connections(settings: Settings) -> Iterator[UnsafeSetting]:
    for name, url in _list_addresses(settings):
        if urlsplit(url).scheme == "http" and not _is_at_home(settings, urlsplit(url).hostname or ""):
            fault = f"What goes to {urlsplit(url).hostname} goes without TLS: personal data and secrets can be read."
            yield UnsafeSetting(name_variable(name), fault, "Name an https:// address.")
    if not settings.smtp_starttls and not _is_at_home(settings, settings.smtp_host):
        fault = f"E-mails go to {settings.smtp_host} without TLS: names, links and codes can be read."
        yield UnsafeSetting("CERTIFY_SMTP_STARTTLS", fault, "Set it to true, at a server that offers TLS.")


def _check_temporal(settings: Settings) -> Iterator[UnsafeSetting]:
    """Temporal is reached by its own variables and profiles: histories say who waits for what."""
    with suppress(RuntimeError):
        config = ClientConfig.load_client_connect_config()
        host = (config.get("target_host") or "127.0.0.1:7233").rpartition(":")[0].strip("[]")
        if not (config.get("tls") or config.get("api_key") or _is_at_home(settings, host)):
            fault = f"What goes to Temporal at {host} goes without TLS, and anybody there can command our workflows."
            yield UnsafeSetting("TEMPORAL_ADDRESS", fault, "Set TEMPORAL_TLS to true, or name the host's own profile.")


def _check_databases(settings: Settings) -> Iterator[UnsafeSetting]:
    urls = {"database_url": settings.database_url, "migration_url": settings.migration_url.get_secret_value()}
    for name, text in urls.items():
        with suppress(ArgumentError):
            url = make_url(text)
            found = url.query.get("host") or url.host or ""
            hosts = [one for one in ([found] if isinstance(found, str) else found) if one and not one.startswith("/")]
            away = [one for one in hosts if not _is_at_home(settings, one)]
            mode = url.query.get("sslmode") or os.environ.get("PGSSLMODE")
            if away and url.get_backend_name() == "postgresql" and mode not in ENCRYPTED:
                fault = f"What goes to the database at {', '.join(away)} may go without TLS: everything can be read."
                yield UnsafeSetting(name_variable(name), fault, "Add ?sslmode=verify-full to its address, or require.")


def _check_guesses(settings: Settings) -> Iterator[UnsafeSetting]:
    if settings.codes_an_hour > MOST_CODES_AN_HOUR:
        fault = "So many codes can be sent that one is guessed, and that our e-mails are taken for a flood."
        yield UnsafeSetting("CERTIFY_CODES_AN_HOUR", fault, f"Set it to {MOST_CODES_AN_HOUR} at most.")
    for name in GUESSING_RATES:
        rate = parse(getattr(settings, name))
        if rate.amount > MOST_GUESSES_A_SECOND * rate.get_expiry():
            fault = "One address may try more than once a second: codes and passwords can be guessed."
            yield UnsafeSetting(name_variable(name), fault, 'Set it to "60/minute" at most.')


def _is_at_home(settings: Settings, host: str) -> bool:
    return _is_loopback_host(host) or host in settings.local_hosts


def _list_addresses(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every address of a third party, with the field it stands in."""
    for name in type(settings).model_fields:
        if name.endswith(("_url", "_issuer")) and name not in NOT_THIRD_PARTIES:
            yield name, getattr(settings, name)
    for vendor in settings.vendors.values():
        yield "vendors", vendor.url
    if settings.absorb is not None:
        yield "absorb", settings.absorb.url


def _check_sessions(settings: Settings) -> Iterator[UnsafeSetting]:
    lengths = {"session_hours": settings.session_hours, "session_idle_minutes": settings.session_idle_minutes / 60}
    for name, hours in lengths.items():
        if hours > LONGEST_SESSION_HOURS:
            fault = "A session of staff lasts longer than a day: a browser left open is an open door."
            yield UnsafeSetting(
                name_variable(name), fault, "Set it to 24 hours at most; 10 hours and 30 minutes are usual."
            )
