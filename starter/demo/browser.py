"""Somebody's own browser in the demonstration: sends the forms of both programs, types the code, opens their pages."""

import html
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from httpx2 import Response

Document = dict[str, Any]
Call = Callable[..., Awaitable[Response]]
TypeCode = Callable[[], Awaitable[str]]

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)"')
_OWN_CASE = re.compile(r'href="/me/([0-9a-f-]{36})[?"]')
_PASS = re.compile(r'id="pass">([^<]*)<')
_MOST_STEPS = 20


class OwnBrowser:
    """Sends requests by ``call`` (method, address, statuses expected), which keeps the cookies."""

    def __init__(self, web: str, call: Call, wait_for_code: TypeCode) -> None:
        self._web = web
        self._call = call
        self._wait_for_code = wait_for_code

    async def send_state_request(self, request: Document) -> None:
        """The form of the state, one step after the other, and the code that comes to its address."""
        answers = dict(_flatten(request))
        first = {"experience": "new", "work_state": answers["physical_address.state"]}
        await self._send_request("/request", {**answers, **first})

    async def send_federal_request(self, request: Document) -> None:
        """The form of the marketplace, in the same way."""
        await self._send_request("/portal/register", dict(_flatten(request)))

    async def _send_request(self, start: str, answers: Mapping[str, str]) -> None:
        shown = await self._post(start, {"plan_year": answers["plan_year"]})
        for _ in range(_MOST_STEPS):
            if shown.url.path == f"{start}/confirm":
                break
            shown = await self._post(shown.url.path, answers, shown)
        await self._type_code(f"{start}/confirm", shown)

    async def find_own_case(self) -> str:
        """The case on the own pages of who is signed in; the newest, where there are several."""
        shown = await self._call("GET", f"{self._web}/me", 200)
        found = _OWN_CASE.search(shown.text)
        case = found[1] if found else ""
        await self._call("GET", f"{self._web}/me/{case}", 200)
        return case

    async def make_portal_pass(self, case: str) -> str:
        """Lets the marketplace's portal act in one's registration for an hour; the pass to give it."""
        page = f"{self._web}/me/{case}/portal-pass"
        shown = await self._call("POST", page, 200, data={"portal": "marketplace"})
        found = _PASS.search(shown.text)
        return found[1] if found else ""

    async def file_appeal(self, case: str, grounds: str, evidence: bytes) -> None:
        """Appeals against what ended one's case, and adds a file of evidence."""
        page = f"/me/{case}/appeal"
        await self._post(page, {"grounds": grounds})
        await self._call("POST", f"{self._web}{page}/evidence", 303, files={"file": ("evidence.png", evidence)})

    async def _type_code(self, path: str, shown: Response) -> None:
        await self._post(path, {"code": await self._wait_for_code()}, shown)

    async def _post(self, path: str, values: Mapping[str, str], shown: Response | None = None) -> Response:
        """The page that a form leads to; ``shown`` is the one whose first form it is, with its hidden fields."""
        answer = await self._call("POST", f"{self._web}{path}", 303, data={**values, **_read_hidden(shown)})
        place = urlsplit(answer.headers["location"])
        return await self._call("GET", f"{self._web}{place.path}?{place.query}", 200, follow_redirects=True)


def _read_hidden(shown: Response | None) -> Document:
    first_form = shown.text.partition("<main")[2].partition("</form>")[0] if shown else ""
    return {name: html.unescape(text) for name, text in _HIDDEN.findall(first_form)}


def _flatten(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """A request as the fields of a form: dots nest, a list of markets is a ticked box for each."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _flatten(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        named = path == "markets"
        for number, part in enumerate(value):
            yield (f"{path}.{part}", "true") if named else (f"{path}.{number}", str(part))
    elif value is not None:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)
