"""Ctrl-C and its like for a task that has processes to stop: they cancel it once, and never interrupt the stopping."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def cancel_on_signals() -> Iterator[list[int]]:
    """Cancels the current task at the first SIGINT, SIGTERM or hang-up; yields the list of the signals received.

    Only the first one: stopping the stack takes bounded time, and a second Ctrl-C in it would leave processes behind.
    """
    task = asyncio.current_task()
    assert task is not None
    received: list[int] = []

    def receive(number: int) -> None:
        if not received:
            task.cancel()
        received.append(number)

    loop = asyncio.get_running_loop()
    signals = _list_signals()
    for number in signals:
        loop.add_signal_handler(number, receive, number)
    try:
        yield received
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _list_signals() -> list[signal.Signals]:
    # Under nohup hang-ups are ignored, and stay so.
    hang_up = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hang_up]
