"""The real stack for tests: one per test process, started as a user starts it, driven from outside."""

import gc
import os
import sys
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from starter.policies import load_policies
from starter.stack import processes
from starter.stack.embedded import run_stack
from tests.support.memory import find_memory
from tests.support.patience import PATIENCE
from tests.support.world import World

# Tests mostly wait, for processes and timers: two at a time on each processor leave none of them idle.
# Each has a stack of its own, which takes memory.
AT_ONCE, MOST = 2, 8

# Ports are chosen before they are bound: test processes that start stacks at once choose from ports of their own.
processes.PORTS = processes.PORTS[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % MOST :: MOST]

# What tests write is gone with them, but for what failed (pyproject.toml): it needn't reach a disk.
if memory := find_memory():
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))

# A command is applied before it is answered for, also where a machine is busy; tests of what is kept set this back.
os.environ.setdefault("CERTIFY_COMMAND_SECONDS", "60")

# Modules of tests, and what was changed since .ci/venv compiled it, are compiled once instead of by each process, also
# where the environment forbids Python to keep what it compiled.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Before tests are collected: many take a policy as they are read.
load_policies(trying=True)

pytest_plugins = ["tests.fixtures.postgres", "tests.fixtures.migrated"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--calls", type=int, default=2000, help="how many calls the description of the API is tried with")
    parser.addoption(
        "--lives", type=int, default=2, help="how many lives of each journey the table of stages is tried with"
    )


def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` means."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(AT_ONCE * (processors or 1), MOST)


# What takes long to run as a module, the longest first; all other modules take seconds.
LONG = (
    *("chaos", "privacy", "distributed", "recovery", "histories", "workflows", "browser", "journeys", "starter"),
    *("review", "stack", "web"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with what takes long: one process would work on alone at what began last.

    A module is run by one process as a whole, since many start a system that all their tests share.
    """
    items.sort(key=lambda item: (item.get_closest_marker("slow") is None, _rank(item)))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Has the collector look at what tests leave, and at nothing of what is imported for all of them.

    That is several times what a worker has. A look at all of it stopped every thread for a second and more on a busy
    machine, and Temporal's SDK fails the task of a workflow that stands still for two. While modules are imported there
    is next to no garbage, and looking for it took as long as the rest.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _rank(item: pytest.Item) -> int:
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    return LONG.index(folder) if folder in LONG else len(LONG)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Any]]:
    """The embedded stack's stack.json document."""
    folder: Path = tmp_path_factory.mktemp("stack")
    async with run_stack(folder) as document:
        yield document


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(stack: dict[str, Any]) -> AsyncIterator[World]:
    """The stack, driven from outside."""
    async with httpx2.AsyncClient(timeout=PATIENCE) as client:
        yield World(stack, client)
