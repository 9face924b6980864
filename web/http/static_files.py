"""Style sheets, scripts, fonts and images under /static, and their addresses; nothing that is made for one reader.

They are compressed once, when the process starts. Pages are not compressed at all: most carry a secret (a form's token,
an e-mailed link) next to what the reader typed, and the length of a compressed page would give it away bit by bit.

By hand, for want of a library that does it. Starlette's StaticFiles has no addresses that last; behind its
GZipMiddleware the style sheet of a first visit takes ten times as long, each time, and is compressed even for whoever
says ``gzip;q=0``. ServeStatic compresses in a build step, of which the tree has none, knows only the addresses of this
release (a page that was opened before would lose its style), overlooks a tag in a list of several, and has no types.
"""

import gzip
import mimetypes
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from templates.exchange import LOOKS, STATE_PROGRAM
from web.http.negotiation import has_current

STATIC = Path(__file__).parent.parent / "static"
PREFIX = "/static"
_LOGO = (
    ".site-brand a::before {{ content: ''; display: inline-block; width: 2.5rem; height: 1.5rem; margin-right: .5rem; "
    "vertical-align: middle; background: url({file}) center / contain no-repeat; }}\n"
)
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class StaticFile:
    """A file as it is sent; ``compressed`` is None where that gains nothing."""

    body: bytes
    compressed: bytes | None
    media_type: str
    tag: str


@dataclass(frozen=True)
class FileStore:
    """Every file by its path, and ``version``, a hash of them all.

    The version stands before the path and not in the file's name, so that what a style sheet refers to has it too,
    without being rewritten.
    """

    files: dict[str, StaticFile]
    version: str

    def build_address(self, path: str) -> str:
        """The address of a file that may be kept for ever. Raises KeyError for one that isn't there."""
        if path not in self.files:
            raise KeyError(path)
        return f"{PREFIX}/{self.version}/{path}"

    def find_file(self, path: str) -> tuple[StaticFile | None, bool]:
        """The file of an address below the prefix, and whether it may be kept for ever.

        A version of another release finds today's file, to be asked for again the next time.
        """
        if path in self.files:
            return self.files[path], False
        version, _, rest = path.partition("/")
        return self.files.get(rest), version == self.version


@cache
def load_files(folder: Path = STATIC) -> FileStore:
    """The files of a folder, read and compressed once, and how the exchanges in force look."""
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    files = {name: _keep_file(name, path.read_bytes()) for name, path in found.items()} | _draw_looks()
    version = sha256("\n".join(f"{name} {file.tag}" for name, file in files.items()).encode()).hexdigest()
    return FileStore(files, version[:12])


def build_static_address(path: str) -> str:
    """The address of a file of web/static, for templates."""
    return load_files().build_address(path)


class StaticFiles:
    """Serves the files of a store; mounted at `PREFIX`."""

    def __init__(self, files: FileStore) -> None:
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        await self._build_answer(path, scope["method"], Headers(scope=scope))(scope, receive, send)

    def _build_answer(self, path: str, method: str, asked: Headers) -> Response:
        if method not in ("GET", "HEAD"):
            return PlainTextResponse("Only to be read.", 405, {"Allow": "GET, HEAD"})
        file, is_lasting = self._files.find_file(path)
        if file is None:
            return PlainTextResponse("There is no such file.", 404)
        is_compressed = file.compressed is not None and _accepts_gzip(asked.get("accept-encoding", ""))
        tag = f'"{file.tag}{"-gzip" if is_compressed else ""}"'
        headers = {"ETag": tag, "Cache-Control": FOREVER if is_lasting else "no-cache", "Vary": "Accept-Encoding"}
        if has_current(asked, tag):
            return Response(status_code=304, headers=headers)
        if is_compressed:
            headers["Content-Encoding"] = "gzip"
        return Response(file.compressed if is_compressed else file.body, headers=headers, media_type=file.media_type)


def _draw_looks() -> dict[str, StaticFile]:
    """A style sheet for the pages of each program, with its logo where it has one."""
    files = {}
    for program, look in LOOKS.items():
        name = "look-state" if program == STATE_PROGRAM else "look-federal"
        style = f":root {{ --brand: {look.header}; }}\n"
        if look.logo:
            files[f"{name}.svg"] = _keep_file(f"{name}.svg", look.logo.encode())
            style += _LOGO.format(file=f"{name}.svg")
        files[f"{name}.css"] = _keep_file(f"{name}.css", style.encode())
    return files


def _keep_file(name: str, body: bytes) -> StaticFile:
    compressed = gzip.compress(body, mtime=0)
    media_type = "font/woff2" if name.endswith(".woff2") else mimetypes.guess_type(name)[0] or "text/plain"
    smaller = compressed if len(compressed) < len(body) * 0.9 else None
    return StaticFile(body, smaller, media_type, sha256(body).hexdigest()[:16])


def _accepts_gzip(accepted: str) -> bool:
    weights = [one.replace(" ", "").lower() for one in accepted.split(",")]
    return any(one == "gzip" or (one.startswith("gzip;q=") and one[7:].strip("0.") != "") for one in weights)
