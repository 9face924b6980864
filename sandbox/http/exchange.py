"""Asks and notifies the exchange over HTTP, as the third parties do."""

from typing import TYPE_CHECKING, Any

from sandbox.http.problems import Problem

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response as Answer

TIMEOUT_SECONDS = 10.0
MOST_CONNECTIONS = 20


class ExchangeUnreachable(Problem):
    """The exchange gave no answer, or none that can be used; `reason` names the transport's error, if it was one."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(503, "The exchange could not be asked; try again later")
        self.reason = reason


class ExchangeClient:
    """A pool of connections to the exchange, opened with the first request."""

    def __init__(self) -> None:
        self._client: AsyncClient | None = None

    async def send_request(self, method: str, url: str, *, stream: bool = False, **content: Any) -> "Answer":
        """The exchange's answer, whatever its status; `content` is headers and body as httpx2 takes them.

        With `stream` the body is still to be read, and the answer to be closed. Raises `ExchangeUnreachable`.
        """
        # Imported here: it costs a fifth of the start-up, and nobody needs it before the stand-ins listen.
        import httpx2

        if self._client is None:
            limits = httpx2.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_CONNECTIONS)
            timeout = httpx2.Timeout(TIMEOUT_SECONDS, pool=None)
            # The environment's proxies are not for loopback, where the exchange is.
            self._client = httpx2.AsyncClient(timeout=timeout, limits=limits, trust_env=False)
        try:
            return await self._client.send(self._client.build_request(method, url, **content), stream=stream)
        except httpx2.HTTPError as error:
            raise ExchangeUnreachable(type(error).__name__) from error

    async def close(self) -> None:
        """Closes the connections."""
        if self._client:
            await self._client.aclose()
