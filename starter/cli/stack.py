"""The verbs of `certify` that run something: the embedded stack, the demonstration, or one process of the system."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

from cyclopts import Parameter
from cyclopts.validators import Number

from starter.cli.arguments import DEFAULTS, FLAG, CommonOptions, Json
from starter.cli.context import find_settings, has_database_setting
from starter.cli.output import open_console, print_addresses, print_json

ROOT = Path(__file__).resolve().parent.parent.parent


async def run_whole_stack(
    *,
    port: Annotated[
        int | None,
        Parameter(
            validator=Number(gte=0, lte=65535),
            help="Port of the web; 0 for a free one. Without it the folder's last one, at first 8000.",
        ),
    ] = None,
    no_sandbox: Annotated[bool, FLAG, Parameter(help="Leave the stand-in third parties out.")] = False,
    data: Annotated[Path | None, Parameter(help="Folder of the stack; without it CERTIFY_DATA or ./data.")] = None,
    as_json: Json = False,
) -> int:
    """Run the whole stack on this machine until Ctrl-C; on the same folder it carries on."""
    from starter.stack.embedded import serve_stack

    def print_ready(document: dict[str, Any]) -> None:
        if as_json:
            print_json({name: value for name, value in document.items() if name not in ("secrets", "settings")})
        else:
            print_addresses(open_console(), document)

    folder = data or Path(os.environ.get("CERTIFY_DATA") or "data")
    return await serve_stack(folder, port, not no_sandbox, print_ready)


async def run_demonstration(
    *,
    keep: Annotated[bool, FLAG, Parameter(help="Leave the stack running at the end, until Ctrl-C.")] = False,
    data: Annotated[Path | None, Parameter(help="Folder of the stack; a fresh one without it.")] = None,
    as_json: Json = False,
) -> int:
    """Start the stack and certify several assisters over the real interfaces."""
    from starter.demo.demonstration import demonstrate

    return await demonstrate(data, keep, as_json)


def run_worker(*, options: CommonOptions = DEFAULTS) -> None:
    """Run the Temporal worker."""
    find_settings(options.data)
    _become_process(options, "worker", str(ROOT / "worker.py"))


def run_web(*, options: CommonOptions = DEFAULTS) -> None:
    """Run the web: API, pages, webhooks."""
    find_settings(options.data)
    _become_process(options, "web", "-P", "-m", "web")


def run_sandbox(*, options: CommonOptions = DEFAULTS) -> None:
    """Run the stand-in third parties, with their SANDBOX_… settings."""
    if options.data is not None or has_database_setting():
        find_settings(options.data)
    _become_process(options, "sandbox", "-P", "-m", "sandbox")


def _become_process(options: CommonOptions, name: str, *arguments: str) -> NoReturn:
    """Replaces this process by another Python. With --json what that one prints goes to standard error.

    ``-P`` and PYTHONPATH are there since a folder named `web` where the command is called must not be taken for ours.
    """
    if options.json:
        print_json({"process": name, "pid": os.getpid()})
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout.flush()
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    os.execv(sys.executable, [sys.executable, *arguments])
