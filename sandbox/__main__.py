"""The sandbox: every third party's stand-in and the mailbox in one process, each on a port of its own."""

import asyncio
import contextlib
import ipaddress
import json
import logging
import os
import re
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette

from sandbox.background_checks import BackgroundChecks
from sandbox.http.webhooks import Deliveries, checkr, standard
from sandbox.identity_provider.stand_in import Identity
from sandbox.lists.stand_in import Lists
from sandbox.mailbox import Mailbox, connections
from sandbox.portal.stand_in import Portal
from sandbox.registry import Registry
from sandbox.store import Shelf
from sandbox.training.lms import Lms
from sandbox.training.mlms import Mlms
from sandbox.training.vendors import Vendors

PORTS = {
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
VENDOR_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
GRACE_SECONDS = 1


class Misconfigured(Exception):
    """A setting is missing or not understood; the message names it."""


@dataclass(frozen=True)
class Settings:
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
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Reads SANDBOX_… and the shared CERTIFY_… variables."""

        def needed(name: str) -> str:
            if not environment.get(name):
                raise Misconfigured(f"{name} is not set")
            return environment[name]

        mailbox_dir = Path(needed("SANDBOX_MAILBOX_DIR"))
        web_url = needed("SANDBOX_WEB_URL").rstrip("/")
        if not web_url.startswith(("http://", "https://")):
            raise Misconfigured("SANDBOX_WEB_URL is not an http address")
        host = environment.get("SANDBOX_HOST", "127.0.0.1")
        identity_client_secret = environment.get(IDENTITY_SECRET, "")
        # Anybody may sign in there as anybody: only somebody at this machine may be asked to.
        if identity_client_secret and not (_is_loopback(host) and _is_loopback(_host(web_url))):
            raise Misconfigured(f"{IDENTITY_SECRET} needs loopback addresses: SANDBOX_HOST and SANDBOX_WEB_URL")
        names = {name: usual for name, usual in PORTS.items() if identity_client_secret or name != "IDENTITY"}
        return cls(
            host=host,
            ports={name: _port(environment, name, usual) for name, usual in names.items()},
            mailbox_dir=mailbox_dir,
            state_file=Path(environment.get("SANDBOX_STATE_FILE") or mailbox_dir / "stand-ins.sqlite"),
            web_url=web_url,
            registry_user=needed("CERTIFY_REGISTRY_USER"),
            registry_password=needed("CERTIFY_REGISTRY_PASSWORD"),
            background_checks_api_key=needed("CERTIFY_BACKGROUND_CHECKS_API_KEY"),
            background_checks_webhook_secret=needed("CERTIFY_BACKGROUND_CHECKS_WEBHOOK_SECRET"),
            lms_token=needed("CERTIFY_LMS_TOKEN"),
            lms_webhook_secret=needed("CERTIFY_LMS_WEBHOOK_SECRET"),
            portal_token=needed("CERTIFY_PORTAL_TOKEN"),
            portal_webhook_secret=needed("CERTIFY_PORTAL_WEBHOOK_SECRET"),
            mlms_token=needed("CERTIFY_MLMS_TOKEN"),
            vendor_secrets=_vendor_secrets(needed("CERTIFY_VENDORS")),
            identity_client_secret=identity_client_secret,
        )


def _is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host; `localhost` is one by RFC 6761."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _port(environment: Mapping[str, str], name: str, usual: int) -> int:
    variable = f"SANDBOX_{name}_PORT"
    value = environment.get(variable, str(usual))
    if not value.isdigit() or int(value) > 65535:
        raise Misconfigured(f"{variable} is not a port")
    return int(value)


def _vendor_secrets(text: str) -> dict[str, str]:
    """The webhook secret of each vendor, from {"vendor": {"url": …, "secret": …}}."""
    try:
        found = {vendor: str(known["secret"]) for vendor, known in json.loads(text).items()}
        for secret in found.values():
            standard(secret)
    except (ValueError, AttributeError, KeyError, TypeError, RuntimeError):
        raise Misconfigured("CERTIFY_VENDORS is not an object of vendors with their secrets") from None
    if not all(map(VENDOR_ID.fullmatch, found)):
        raise Misconfigured("CERTIFY_VENDORS names a vendor that can't be a path")
    return found


class Sandbox:
    """The stand-ins, put together."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.mailbox = Mailbox(settings.mailbox_dir)
        self._shelf = Shelf(str(settings.state_file))
        told = f"{settings.web_url}/webhooks"
        self._deliveries = {
            "background_checks": Deliveries(
                "background_checks",
                f"{told}/background-checks",
                checkr(settings.background_checks_webhook_secret),
                self._shelf,
            ),
            "lms": Deliveries("lms", f"{told}/lms", standard(settings.lms_webhook_secret), self._shelf),
            "portal": Deliveries("portal", f"{told}/portal", standard(settings.portal_webhook_secret), self._shelf),
            "mlms": Deliveries("mlms", f"{told}/lms", standard(settings.lms_webhook_secret), self._shelf),
        }
        self._vendor_deliveries = {
            vendor: Deliveries(f"vendors:{vendor}", f"{told}/vendors/{vendor}", standard(secret), self._shelf)
            for vendor, secret in settings.vendor_secrets.items()
        }
        self.registry = Registry(settings.registry_user, settings.registry_password, self._shelf)
        self.background_checks = BackgroundChecks(
            settings.background_checks_api_key, self._shelf, self._deliveries["background_checks"]
        )
        self.lms = Lms(settings.lms_token, self._shelf, self._deliveries["lms"])
        self.portal = Portal(settings.portal_token, settings.web_url, self._shelf, self._deliveries["portal"])
        self.mlms = Mlms(settings.mlms_token, self._shelf, self._deliveries["mlms"])
        self.vendors = Vendors(settings.web_url, settings.vendor_secrets, self._shelf, self._vendor_deliveries)
        self.lists = Lists(settings.web_url, self._shelf)
        secret = settings.identity_client_secret
        self.identity = Identity(settings.web_url, secret, self._shelf) if secret else None

    def apps(self) -> dict[str, Starlette]:
        """The web applications, under the names of their ports."""
        return {
            "REGISTRY": self.registry.app(),
            "BACKGROUND_CHECKS": self.background_checks.app(),
            "LMS": self.lms.app(),
            "PORTAL": self.portal.app(),
            "MAILBOX": self.mailbox.app(),
            "MLMS": self.mlms.app(),
            "VENDORS": self.vendors.app(),
            "LISTS": self.lists.app(),
            **({"IDENTITY": self.identity.app()} if self.identity else {}),
        }

    @property
    def _all_deliveries(self) -> list[Deliveries]:
        return [*self._deliveries.values(), *self._vendor_deliveries.values()]

    async def serve(self) -> None:
        """Listens until told to stop."""
        loop = asyncio.get_running_loop()
        sockets = {name: _listening(self._settings.host, port) for name, port in self._settings.ports.items()}
        servers = {name: _Server(_configured(app)) for name, app in self.apps().items()}
        smtp = await loop.create_server(connections(self.mailbox, loop), sock=sockets["SMTP"])
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, _stop, list(servers.values()))
        for deliveries in self._all_deliveries:
            deliveries.resume()
        running = asyncio.gather(*(server.serve(sockets=[sockets[name]]) for name, server in servers.items()))
        print("sandbox listens:", _addresses(sockets), flush=True)
        try:
            await running
        finally:
            await self._close(smtp)

    async def _close(self, smtp: asyncio.Server) -> None:
        smtp.close()
        for deliveries in self._all_deliveries:
            await deliveries.stop()
        for asking in (self.portal, self.vendors, self.lists):
            await asking.stop()
        self._shelf.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to the sandbox: its servers would take them from one another."""
        yield


def _configured(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(1024)
    except OSError as error:
        listening.close()
        raise Misconfigured(f"port {port} of {host} can't be had: {error.strerror}") from error
    listening.setblocking(False)
    return listening


def _stop(servers: list[_Server]) -> None:
    for server in servers:
        server.should_exit = True


def _addresses(sockets: Mapping[str, socket.socket]) -> str:
    return ", ".join(f"{name.lower()} on port {each.getsockname()[1]}" for name, each in sockets.items())


def main() -> int:
    """Runs the sandbox with the environment's settings; 2 when they don't do."""
    # Libraries say at INFO who wrote to whom: not here.
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(Sandbox(Settings.from_environment(os.environ)).serve())
    except Misconfigured as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
