"""Puts the stand-ins together and serves them, each on a port of its own, in one process."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator, Mapping

import uvicorn
from starlette.applications import Starlette

from sandbox.background_checks import BackgroundCheckStandIn
from sandbox.bounces import BounceReporter
from sandbox.http.webhooks import Signer, WebhookSender, build_checkr_signer, build_standard_signer
from sandbox.identity_provider.stand_in import IdentityProviderStandIn
from sandbox.lists.stand_in import FederalListsStandIn
from sandbox.mailbox import Mailbox, build_connection_factory
from sandbox.portal.stand_in import PortalStandIn
from sandbox.registry import RegistryStandIn
from sandbox.settings import SandboxSettings, SettingsError
from sandbox.store import DocumentStore
from sandbox.training.lms import LmsStandIn
from sandbox.training.mlms import MlmsStandIn
from sandbox.training.vendors import VendorsStandIn

GRACE_SECONDS = 1
# How long a connection is kept for the next request: whoever calls is to let go of it first.
IDLE_SECONDS = 75


class SandboxProcess:
    """Every third party's stand-in and the mailbox."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings
        # The mailbox comes first: it makes its folder, in which the state file is unless told otherwise.
        self._reporter = BounceReporter(settings.web_url, settings.mail_token)
        self._mailbox = Mailbox(settings.mailbox_dir, self._reporter)
        self._store = DocumentStore(str(settings.state_file))
        self._senders: list[WebhookSender] = []
        self._registry = RegistryStandIn(settings.registry_user, settings.registry_password, self._store)
        checkr_signer = build_checkr_signer(settings.background_checks_webhook_secret)
        self._background_checks = BackgroundCheckStandIn(
            settings.background_checks_api_key,
            self._store,
            self._open_sender("background_checks", "background-checks", checkr_signer),
        )
        lms_signer = build_standard_signer(settings.lms_webhook_secret)
        self._lms = LmsStandIn(settings.lms_token, self._store, self._open_sender("lms", "lms", lms_signer))
        # The MLMS reports to the LMS's webhook, with a secret of its own.
        mlms_sender = self._open_sender("mlms", "lms", build_standard_signer(settings.mlms_webhook_secret))
        self._mlms = MlmsStandIn(settings.mlms_token, self._store, mlms_sender)
        portal_sender = self._open_sender("portal", "portal", build_standard_signer(settings.portal_webhook_secret))
        self._portal = PortalStandIn(
            settings.portal_token, settings.portal_look_up_token, settings.web_url, self._store, portal_sender
        )
        vendor_senders = {
            vendor: self._open_sender(f"vendors:{vendor}", f"vendors/{vendor}", build_standard_signer(secret))
            for vendor, secret in settings.vendor_secrets.items()
        }
        self._vendors = VendorsStandIn(settings.web_url, settings.vendor_secrets, self._store, vendor_senders)
        self._lists = FederalListsStandIn(settings.web_url, self._store)
        secret = settings.identity_client_secret
        self._identity_provider = IdentityProviderStandIn(settings.web_url, secret, self._store) if secret else None

    def _open_sender(self, name: str, path: str, sign: Signer) -> WebhookSender:
        sender = WebhookSender(name, f"{self._settings.web_url}/webhooks/{path}", sign, self._store)
        self._senders.append(sender)
        return sender

    def _build_apps(self) -> dict[str, Starlette]:
        """The web applications, under the names of their ports."""
        return {
            "REGISTRY": self._registry.build_app(),
            "BACKGROUND_CHECKS": self._background_checks.build_app(),
            "LMS": self._lms.build_app(),
            "PORTAL": self._portal.build_app(),
            "MAILBOX": self._mailbox.build_app(),
            "MLMS": self._mlms.build_app(),
            "VENDORS": self._vendors.build_app(),
            "LISTS": self._lists.build_app(),
            **({"IDENTITY": self._identity_provider.build_app()} if self._identity_provider else {}),
        }

    async def serve(self) -> None:
        """Listens until a signal ends it. Raises `SettingsError` when a port can't be had."""
        loop = asyncio.get_running_loop()
        sockets = {name: _open_socket(self._settings.host, port) for name, port in self._settings.ports.items()}
        servers = {name: _Server(_configure_server(app)) for name, app in self._build_apps().items()}
        smtp = await loop.create_server(build_connection_factory(self._mailbox, loop), sock=sockets["SMTP"])
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, _stop_servers, list(servers.values()))
        for sender in self._senders:
            sender.resume_deliveries()
        running = asyncio.gather(*(server.serve(sockets=[sockets[name]]) for name, server in servers.items()))
        # Whoever starts the process waits for this line, and reads the ports from it.
        print("sandbox listens:", _describe_ports(sockets), flush=True)
        try:
            await running
        finally:
            await self._close(smtp)

    async def _close(self, smtp: asyncio.Server) -> None:
        smtp.close()
        for sender in self._senders:
            await sender.stop_deliveries()
        for stand_in in (self._portal, self._vendors, self._lists, self._reporter):
            await stand_in.close()
        self._store.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to the process: of several servers in it, the last one would take them from the others."""
        yield


def _configure_server(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _open_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
        opened.listen(1024)
    except OSError as error:
        opened.close()
        raise SettingsError(f"port {port} of {host} can't be had: {error.strerror}") from error
    opened.setblocking(False)
    return opened


def _stop_servers(servers: list[_Server]) -> None:
    for server in servers:
        server.should_exit = True


def _describe_ports(sockets: Mapping[str, socket.socket]) -> str:
    return ", ".join(f"{name.lower()} on port {each.getsockname()[1]}" for name, each in sockets.items())
