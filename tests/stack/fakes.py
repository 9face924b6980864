"""The stack's own table with the real Temporal server and small stand-ins for the rest; also a program."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from starter.stack.embedded import ChildrenBuilder, build_children, serve_stack
from starter.stack.plan import SITES, Plan
from starter.stack.processes import Child

FAKE = Path(__file__).with_name("fake_child.py")
PORTS = {"web": ("web",), "sandbox": SITES}
ONCE = {"migration": ("--ends", "0"), "signing": ("--ends", "0")}


def fake_children(**told: Sequence[str]) -> ChildrenBuilder:
    """`told`: further arguments of a fake, by the name of the child it stands for."""

    def fakes(plan: Plan) -> list[Child]:
        return [_fake(plan, child, told.get(child.name, ())) for child in build_children(plan)]

    return fakes


def _fake(plan: Plan, child: Child, told: Sequence[str]) -> Child:
    if child.name == "temporal":
        return child
    ports = [str(plan.ports[name]) for name in PORTS.get(child.name, ())]
    argv = (sys.executable, str(FAKE), "--port", *ports, *ONCE.get(child.name, ()), *told)
    return replace(child, argv=argv, stop_seconds=1.0)


if __name__ == "__main__":
    folder, *told_all = sys.argv[1:]
    told = dict(argument.split("=", 1) for argument in told_all)
    fakes = fake_children(**{name: text.split() for name, text in told.items()})
    sys.exit(asyncio.run(serve_stack(Path(folder), 0, on_ready=lambda _: print("ready", flush=True), build=fakes)))
