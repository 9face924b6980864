"""The embedded stack's folder: its lock, secrets, ports and stack.json; and how a running stack is found."""

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
    """The stack can't start or go on. The message is for the person who started it, `status` is the exit status."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class StackFolder:
    """A folder that belongs to one stack at a time, from `open` to `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self._lock: int | None = None

    def open(self) -> int:
        """Creates and locks the folder; returns the descriptor of the lock, held as long as any process has it open."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StackError(f"{self.path} can't be used: {error.strerror}.") from None
        try:
            _acquire_lock(lock, self.path)
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock
        for name in FOLDERS:
            (self.path / name).mkdir(mode=0o700, exist_ok=True)
        (self.path / "stack.json").unlink(missing_ok=True)
        return lock

    def close(self) -> None:
        """Removes stack.json and unlocks; does nothing where `open` did not succeed."""
        if self._lock is None:
            return
        with contextlib.suppress(OSError):
            (self.path / "stack.json").unlink(missing_ok=True)
            _index_entry(self.path).unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = None

    def load_secrets(self, makers: Mapping[str, Callable[[], str]]) -> dict[str, str]:
        """The secrets of this folder by setting; those it lacks are made now and kept."""
        file = self.path / "secrets.json"
        kept = self._read_kept(file)
        made = {name: kept.get(name) or make() for name, make in makers.items()}
        if made != kept:
            _write_atomically(file, {**kept, **made})
        return made

    def load_ports(self) -> dict[str, int]:
        """The ports of the last start, by name."""
        return self._read_kept(self.path / "ports.json")

    def save_ports(self, ports: Mapping[str, int]) -> None:
        """Keeps the ports, so that the next start has the same addresses."""
        _write_atomically(self.path / "ports.json", {**self.load_ports(), **ports})

    def write_document(self, document: Document) -> None:
        """Writes stack.json, and lists the folder where this user's other commands look for stacks."""
        _write_atomically(self.path / "stack.json", document)
        # Without a home to write to, a stack is still found by its folder.
        with contextlib.suppress(OSError):
            entry = _index_entry(self.path)
            entry.parent.mkdir(parents=True, exist_ok=True)
            entry.unlink(missing_ok=True)
            entry.symlink_to(self.path)

    @staticmethod
    def _read_kept(file: Path) -> dict[str, Any]:
        if not file.exists():
            return {}
        try:
            document = json.loads(file.read_bytes())
        except (OSError, ValueError):
            document = None
        if not isinstance(document, dict):
            raise StackError(f"{file} can't be read; restore it, or remove it to have another made.")
        return document


def find_stack(data: Path | None = None) -> Document | None:
    """The document of a running stack: of the given folder, else $CERTIFY_DATA, else ./data, else this user's only one.

    None where no stack runs. Raises ValueError where several run and none was chosen.
    """
    chosen = data or os.environ.get("CERTIFY_DATA")
    if chosen:
        return _read_running(Path(chosen))
    here = _read_running(Path("data"))
    if here:
        return here
    running = {str(path): document for path in _list_indexed() if (document := _read_running(path))}
    if len(running) > 1:
        raise ValueError(f"Several stacks are running ({', '.join(sorted(running))}): choose one with --data.")
    return next(iter(running.values()), None)


def _read_running(folder: Path) -> Document | None:
    with contextlib.suppress(OSError, ValueError):
        document = json.loads((folder.expanduser() / "stack.json").read_bytes())
        if isinstance(document, dict) and _is_alive(document.get("pid")):
            return document
    return None


def _is_alive(pid: object) -> bool:
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _list_indexed() -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for entry in sorted(_index_folder().iterdir()):
            yield entry.resolve()


def _index_folder() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "certify" / "stacks"


def _index_entry(folder: Path) -> Path:
    return _index_folder() / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]


def _acquire_lock(lock: int, folder: Path) -> None:
    """Locks, waiting some seconds for the children of a stack that was killed: they hold the lock until they end."""
    deadline = time.monotonic() + LEFTOVERS_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            text = os.pread(lock, 32, 0)
            holder = int(text) if text.isdigit() else None
            if _is_alive(holder) or time.monotonic() > deadline:
                by = f" (process {holder})" if holder else ""
                raise StackError(f"Another stack{by} is running on {folder}; only one at a time can.") from None
        time.sleep(0.05)
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)


def _write_atomically(file: Path, document: Mapping[str, Any]) -> None:
    """Writes all of it or nothing, readable by the owner alone."""
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
