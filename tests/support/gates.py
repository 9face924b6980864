"""A relay in front of an address, which holds requests or answers back: what happens in between can be interrupted."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Callable

Holds = Callable[[bytes, bytes], bool]
METHODS = (b"GET ", b"POST ", b"PUT ", b"PATCH ", b"DELETE ")


def everything(_request: bytes, _data: bytes) -> bool:
    return True


def nothing(_request: bytes, _data: bytes) -> bool:
    return False


class _Line:
    """One connection: what was asked last, and whether something of it is held."""

    def __init__(self, here: asyncio.StreamWriter, there: asyncio.StreamWriter) -> None:
        self.here = here
        self.there = there
        self.request = b""
        self.held = False

    def cut(self) -> None:
        for writer in (self.here, self.there):
            writer.transport.abort()


class Gate:
    """Relays TCP connections to ports of this machine, to one after the other.

    `requests` and `answers` say what is held, until `open`.
    """

    def __init__(self, *upstreams: int) -> None:
        self.upstreams = upstreams
        self._turns = itertools.cycle(upstreams)
        self.relayed: Counter[int] = Counter()
        self._lines: set[_Line] = set()
        self._changed = asyncio.Event()
        self._requests: Holds = nothing
        self._answers: Holds = nothing
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()
        self.cut()

    @property
    def held(self) -> int:
        """On how many connections something is held that its sender still waits for."""
        return sum(line.held and not line.here.transport.is_closing() for line in self._lines)

    def open(self) -> None:
        self.hold()

    def hold(self, requests: Holds = nothing, answers: Holds = nothing) -> None:
        self._requests, self._answers = requests, answers
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def cut(self) -> None:
        """Breaks every connection; what was held goes nowhere."""
        for line in list(self._lines):
            line.cut()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = next(self._turns)
        try:
            reader_there, writer_there = await asyncio.open_connection("127.0.0.1", upstream)
        except OSError:
            writer.transport.abort()
            return
        self.relayed[upstream] += 1
        line = _Line(writer, writer_there)
        self._lines.add(line)
        pumps = [
            asyncio.create_task(self._pump(line, reader, writer_there, inward=True)),
            asyncio.create_task(self._pump(line, reader_there, writer, inward=False)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            line.cut()
            self._lines.discard(line)
            for pump in pumps:
                pump.cancel()

    async def _pump(
        self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, inward: bool
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if inward and data.startswith(METHODS):
                    line.request = data
                while (self._requests if inward else self._answers)(line.request, data):
                    line.held = True
                    await self._changed.wait()
                line.held = False
                writer.write(data)
                await writer.drain()
