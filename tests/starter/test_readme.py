"""The commands of the tour, typed as they are printed: one after the other in a shell, on the real stack.

Those of README start a demonstration and this suite.
"""

import asyncio
import os
import pty
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.starter.command import ROOT, environment
from tests.support.patience import PATIENCE
from tests.support.world import World

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]

TOUR = (ROOT / "docs" / "tour.md").read_text()
BLOCKS: list[str] = re.findall(r"^```sh\n(.*?)^```", TOUR, re.DOTALL | re.MULTILINE)
TYPED = ("make up", "samples/agent.json", "decide $CASE", "earlier-years", "samples/federal-registration", "ffm agree")


class Shell:
    """A terminal at the root of the tree, in which `CASE` stays what it was set to."""

    def __init__(self, folder: Path, data: str) -> None:
        self._environment = environment(folder, CERTIFY_DATA=data)
        self.case = ""

    async def run(self, line: str) -> str:
        """What a line prints; somebody who is asked agrees."""
        program = str(Path(sys.executable).parent / "certify")
        screen, keyboard = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            *("sh", "-ec", f'{line.replace(".venv/bin/certify", program)}\necho "CASE=$CASE"'),
            cwd=ROOT,
            env={**self._environment, "CASE": self.case},
            stdin=keyboard,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            os.write(screen, b"I Agree\n")
            out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
        finally:
            os.close(screen)
            os.close(keyboard)
        text = out.decode()
        assert process.returncode == 0, f"{line}\n{text}"
        printed, _, self.case = text.rstrip("\n").rpartition("CASE=")
        return printed


def commands(containing: str) -> list[str]:
    """The lines of the block of the tour that has this in it."""
    (block,) = [block for block in BLOCKS if containing in block]
    return block.splitlines()


@pytest.fixture
def shell(stack: dict[str, Any], tmp_path: Path) -> Shell:
    return Shell(tmp_path, stack["data"])


async def test_every_block_of_the_tour_is_typed() -> None:
    assert [[word in block for word in TYPED].index(True) for block in BLOCKS] == list(range(len(TYPED)))


async def test_an_agent_asks_and_staff_decide(shell: Shell, world: World) -> None:
    printed = {}
    for line in [*commands("samples/agent.json"), *commands("decide $CASE")]:
        if " decide " in line:
            await world.until({"case_id": shell.case}, "awaiting_decision")
        printed[line] = await shell.run(line)
    assert (await world.status({"case_id": shell.case}))["eligibility"]["status"] == "approved"
    *_, history, audit = printed.values()
    assert "licence confirmed" in " ".join(history.split()), "wherever a line of the screen ends"
    assert "case.decided by staff:reviewer" in audit
    assert "Demo Producer" in printed[".venv/bin/certify list"]


async def test_earlier_years_are_imported_and_a_season_is_rehearsed(shell: Shell) -> None:
    for line in commands("earlier-years"):
        assert await shell.run(line)


async def test_an_agent_registers_with_the_federal_marketplace(shell: Shell, world: World) -> None:
    for line in commands("samples/federal-registration.json"):
        printed = await shell.run(line)
    address = printed.split()[0]
    site = address.partition("/training?")[0]
    (ticket,) = parse_qs(urlsplit(address).query)["ticket"]
    page = await world.http.get(address)
    assert (page.status_code, "Complete the course" in page.text) == (200, True)
    answer = await world.http.post(f"{site}/complete", json={"ticket": ticket})
    assert answer.status_code == 200
    opened = {"case_id": shell.case}
    await world.until(opened, lambda status: status["training"]["shop"])

    agree, publish, rcl = commands("ffm agree")
    await shell.run(agree)
    await world.until(opened, lambda status: status["certificates"])
    assert "is current" in await shell.run(publish)
    assert "9000000106" in await shell.run(rcl)
