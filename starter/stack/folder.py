"""The embedded stack's folder: lock, secrets, ports, stack.json, and finding one that runs; it starts nothing."""

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

Document = dict[str, Any]

FOLDERS = ("certificates", "logs", "mailbox", "signing")
LEFTOVERS_SECONDS = 5.0


class StackError(Exception):
    """The stack can't go on; the message is for the person who started it, `status` for the shell."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class Folder:
    """A folder that belongs to one stack at a time, from `open` to `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self._lock: int | None = None

    def open(self) -> int:
        """Creates and locks the folder; the descriptor holds the lock as long as any process has it open."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StackError(f"{self.path} can't be used: {error.strerror}.") from None
        try:
            _take(lock, self.path)
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock
        for name in FOLDERS:
            (self.path / name).mkdir(mode=0o700, exist_ok=True)
        (self.path / "stack.json").unlink(missing_ok=True)
        return lock

    def close(self) -> None:
        """Takes stack.json away and unlocks; does nothing for a folder that was not opened here."""
        if self._lock is None:
            return
        with contextlib.suppress(OSError):
            (self.path / "stack.json").unlink(missing_ok=True)
            _entry(self.path).unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = None

    def secrets(self, makers: Mapping[str, Callable[[], str]]) -> dict[str, str]:
        """The secrets of this folder; the ones it lacks are made now and kept."""
        file = self.path / "secrets.json"
        kept = self._kept(file)
        made = {name: kept.get(name) or make() for name, make in makers.items()}
        if made != kept:
            _write(file, {**kept, **made})
        return made

    def ports(self) -> dict[str, int]:
        """The ports used last, by name."""
        return self._kept(self.path / "ports.json")

    def remember(self, ports: Mapping[str, int]) -> None:
        _write(self.path / "ports.json", {**self.ports(), **ports})

    def publish(self, document: Document) -> None:
        """Writes stack.json and makes the folder findable for this user's other commands."""
        _write(self.path / "stack.json", document)
        # Without a home to write to, a stack is still found by its folder.
        with contextlib.suppress(OSError):
            entry = _entry(self.path)
            entry.parent.mkdir(parents=True, exist_ok=True)
            entry.unlink(missing_ok=True)
            entry.symlink_to(self.path)

    @staticmethod
    def _kept(file: Path) -> dict[str, Any]:
        if not file.exists():
            return {}
        try:
            document = json.loads(file.read_bytes())
        except (OSError, ValueError):
            document = None
        if not isinstance(document, dict):
            raise StackError(f"{file} can't be read; restore it, or remove it to have another made.")
        return document


def find(data: Path | None = None) -> Document | None:
    """stack.json of the given folder, else of $CERTIFY_DATA, else of ./data, else of this user's only stack.

    None if none runs there; ValueError if several run and none was chosen.
    """
    chosen = data or os.environ.get("CERTIFY_DATA")
    if chosen:
        return _live(Path(chosen))
    here = _live(Path("data"))
    if here:
        return here
    running = {str(path): document for path in _known() if (document := _live(path))}
    if len(running) > 1:
        raise ValueError(f"Several stacks are running ({', '.join(sorted(running))}): choose one with --data.")
    return next(iter(running.values()), None)


def _live(folder: Path) -> Document | None:
    with contextlib.suppress(OSError, ValueError):
        document = json.loads((folder.expanduser() / "stack.json").read_bytes())
        if isinstance(document, dict) and _alive(document.get("pid")):
            return document
    return None


def _alive(pid: object) -> bool:
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _known() -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for entry in sorted(_registry().iterdir()):
            yield entry.resolve()


def _registry() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "certify" / "stacks"


def _entry(folder: Path) -> Path:
    return _registry() / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]


def _take(lock: int, folder: Path) -> None:
    """Locks, waiting a moment for the children of a stack that was killed."""
    deadline = time.monotonic() + LEFTOVERS_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            text = os.pread(lock, 32, 0)
            holder = int(text) if text.isdigit() else None
            if _alive(holder) or time.monotonic() > deadline:
                by = f" (process {holder})" if holder else ""
                raise StackError(f"Another stack{by} is running on {folder}; only one at a time can.") from None
        time.sleep(0.05)
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)


def _write(file: Path, document: Mapping[str, Any]) -> None:
    """All or nothing, and for the owner alone."""
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with open(descriptor, "w", encoding="utf-8") as draft:  # noqa: PTH123
            json.dump(document, draft, indent=2)
            draft.write("\n")
            draft.flush()
            os.fsync(draft.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
