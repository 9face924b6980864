"""How this project speaks to Temporal: one plugin, shared by client, worker and replayer, and one way to connect."""

from collections.abc import Sequence
from datetime import timedelta

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.plugin import SimplePlugin
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import Interceptor
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

RPC_TIMEOUT = timedelta(seconds=10)
PATIENCE_SECONDS = 30.0


def make_plugin(interceptors: Sequence[Interceptor] = ()) -> SimplePlugin:
    """Converter and interceptors, the same wherever payloads are written or read."""
    return SimplePlugin(
        "assister-certification", data_converter=pydantic_data_converter, interceptors=list(interceptors)
    )


async def connect_client(interceptors: Sequence[Interceptor] = (), lazy: bool = False, metrics_at: str = "") -> Client:
    """A client by Temporal's own profiles (TEMPORAL_PROFILE, TEMPORAL_ADDRESS, TLS, API key).

    Tries for half a minute; a lazy client connects with its first call. Raises RuntimeError when there is none.
    ``metrics_at``, a host and port, is where the SDK's own figures of this client and its worker are shown.
    """
    config = ClientConfig.load_client_connect_config()
    tries = AsyncRetrying(
        retry=retry_if_exception_type(RuntimeError),
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_fixed(0.2),
        reraise=True,
    )
    runtime = None
    if metrics_at:
        runtime = Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=metrics_at)))
    return await tries(Client.connect, **config, plugins=[make_plugin(interceptors)], lazy=lazy, runtime=runtime)
