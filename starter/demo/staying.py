"""Whether the demonstration's stack stays: who sits at a terminal is asked, and nobody else."""

import asyncio
import sys

from rich.console import Console

# A terminal may have nobody in front of it.
ANSWER_SECONDS = 600.0
QUESTION = "Leave the stack running, to look around? [Y/n] "


def can_be_asked(out: Console) -> bool:
    """Whether somebody reads what is printed and can type an answer."""
    return out.is_terminal and sys.stdin.isatty()


async def ask_to_stay(out: Console) -> bool:
    """Asks, and returns whether the stack is to stay: not where the input ends, or nobody answers for ten minutes.

    Ctrl-C at the question cancels it as it does everything else.
    """
    out.print(QUESTION, end="")
    loop = asyncio.get_running_loop()
    typed: asyncio.Future[str] = loop.create_future()

    def take_line() -> None:
        line = sys.stdin.readline()
        if not typed.done():
            typed.set_result(line)

    loop.add_reader(sys.stdin, take_line)
    try:
        line = await asyncio.wait_for(typed, ANSWER_SECONDS)
    except TimeoutError:
        line = ""
    finally:
        loop.remove_reader(sys.stdin)
    if not line.endswith("\n"):
        out.print()
        return False
    return line.strip().lower() not in ("n", "no")
