"""Runs the few tests that failed beside all the others once more, by themselves; a fault fails again.

What passes then was overtaken on a busy machine, or depends on the order of tests: it is named, for somebody to mend it
(docs/decisions/0080-a-few-failing-tests-are-run-again-alone.md).
"""

import json
import subprocess
import sys
from pathlib import Path

MOST = 5
FAILED = Path(".pytest_cache/v/cache/lastfailed")


def main() -> int:
    failed = sorted(json.loads(FAILED.read_bytes())) if FAILED.is_file() else []
    if not 0 < len(failed) <= MOST:
        return 1
    print(f"Run again, alone: {len(failed)} of the tests above.", flush=True)
    status = subprocess.run([sys.executable, "-m", "pytest", *failed], check=False).returncode
    if status == 0:
        print("They passed alone, and failed beside others, which is a fault of theirs or ours:", *failed, sep="\n  ")
    return status


if __name__ == "__main__":
    sys.exit(main())
