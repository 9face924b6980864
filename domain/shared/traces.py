"""Where a failure happened, for logs: never its message, which may hold what somebody sent."""

import traceback
from pathlib import Path


def locate_error(error: BaseException) -> list[str]:
    """The last places an exception passed through, without its message or any value."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-6:]]
