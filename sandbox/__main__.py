"""Starts the sandbox: every third party's stand-in and the mailbox in one process (docs/sandbox.md)."""

import asyncio
import logging
import os
import sys

from sandbox.process import SandboxProcess
from sandbox.settings import SandboxSettings, SettingsError


def main() -> int:
    """Runs the sandbox with the environment's settings; 2 when one of them is wrong."""
    # At INFO, libraries log addresses, which hold personal data.
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(SandboxProcess(SandboxSettings.read_from(os.environ)).serve())
    except SettingsError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
