"""What the demonstration shows while it runs: each step of each assister."""

from typing import Protocol

from rich.console import Console
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text


class ProgressDisplay(Protocol):
    """Shows the steps as they are taken."""

    def note_step(self, name: str, step: str) -> None:
        """Somebody has come a step further."""

    def note_end(self, name: str) -> None:
        """Somebody has nothing left to do."""


class PlainProgress:
    """A line for each step, where there is no terminal."""

    def __init__(self, out: Console) -> None:
        self._out = out

    def note_step(self, name: str, step: str) -> None:
        self._out.print(f"{name}: {step}", soft_wrap=True)

    def note_end(self, name: str) -> None:
        """Prints nothing: the line of the last step says it."""


class LiveProgress:
    """A line for each assister with the step they are at; at the end, with all their steps."""

    def __init__(self, names: list[str]) -> None:
        self._steps: dict[str, list[str]] = {name: [] for name in names}
        self._spinners = {name: Spinner("dots") for name in names}

    def note_step(self, name: str, step: str) -> None:
        self._steps[name].append(step)

    def note_end(self, name: str) -> None:
        del self._spinners[name]

    def __rich__(self) -> Table:
        grid = Table.grid(padding=(0, 1))
        grid.add_column()
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for name, steps in self._steps.items():
            mark = self._spinners.get(name) or Text("✓", style="green")
            now = Text.assemble(("●" * len(steps), "green"), f" {steps[-1] if steps else ''}")
            grid.add_row(mark, name, now if self._spinners else Text(" · ".join(steps)))
        return grid
