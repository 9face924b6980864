"""Who visits in a browser, on which screen and in which language, and what no page may do meanwhile; no test."""

from typing import Final, Protocol
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, ViewportSize

from tests.support.patience import PATIENCE

WIDE: Final[ViewportSize] = {"width": 1280, "height": 900}
PHONE: Final[ViewportSize] = {"width": 360, "height": 740}
LOCALES: Final = {"en": "en-US", "es": "es-US"}
LOOPBACK: Final = {"127.0.0.1", "localhost"}
# What a page says in answer to a form or a link may well be 4xx; what it is made of may not.
ANSWERS: Final = {"document", "fetch", "xhr"}


class Browse(Protocol):
    """Opens a browser of somebody's, with an empty page in it."""

    async def __call__(self, language: str = "en", screen: ViewportSize = WIDE, javascript: bool = True) -> Page: ...


class Watch:
    """Listens to the pages of a browser, and keeps what is wrong with any of them.

    That is: errors and warnings in the console, violations of the content security policy among them; exceptions nobody
    caught; requests that failed, and requests to anywhere but this machine. The check of the frame sees to fonts.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        self._context = context
        context.on("console", self._said)
        context.on("weberror", lambda found: self.complaints.append(f"uncaught: {found.error}"))
        context.on("request", self._asked)
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)

    async def told(self) -> list[str]:
        """Everything so far, each complaint once, when the pages that are open are loaded."""
        for page in self._context.pages:
            await page.wait_for_load_state()
        return list(dict.fromkeys(self.complaints))

    def _said(self, message: ConsoleMessage) -> None:
        # What couldn't be loaded is judged by its request.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.complaints.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in ("data", "blob") and url.hostname not in LOOPBACK:
            self.complaints.append(f"asked elsewhere: {request.url}")

    def _failed(self, request: Request) -> None:
        # Aborted is what a page still wanted when it was left, and a download, which is a page that isn't shown.
        # A page that is looked at too early, half dressed yet, wants fonts that it is not written in.
        if request.failure != "net::ERR_ABORTED" and request.resource_type != "font":
            self.complaints.append(f"failed: {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        kind = response.request.resource_type
        if response.status >= (500 if kind in ANSWERS else 400) and kind != "font":
            self.complaints.append(f"{response.status}: {response.url}")


class Browsers:
    """The browsers of a test process, kept for those who come after: opening another takes longer than most tests.

    To every test each is as good as new, but for those files of ours that it may keep.
    """

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self._free: dict[tuple[str, bool], list[tuple[Page, Watch]]] = {}
        self._taken: list[tuple[tuple[str, bool], Page, Watch]] = []

    async def open(self, language: str = "en", screen: ViewportSize = WIDE, javascript: bool = True) -> Page:
        """The empty page of a browser that nobody else in the test has."""
        kind = (language, javascript)
        page, watch = self._free[kind].pop() if self._free.get(kind) else await self._new(*kind)
        self._taken.append((kind, page, watch))
        await page.set_viewport_size(screen)
        await page.emulate_media(color_scheme="light", reduced_motion="reduce")
        return page

    async def _new(self, language: str, javascript: bool) -> tuple[Page, Watch]:
        context = await self._chromium.new_context(locale=LOCALES[language], java_script_enabled=javascript)
        context.set_default_timeout(1000 * PATIENCE)
        watch = Watch(context)
        return await context.new_page(), watch

    async def told(self) -> list[str]:
        """What was wrong with the pages that were seen."""
        return [complaint for _, _, watch in self._taken for complaint in await watch.told()]

    async def clean(self) -> None:
        """Leaves the pages, and forgets who was signed in and what was wrong."""
        while self._taken:
            kind, page, watch = self._taken.pop()
            if page.url.startswith("http"):
                await page.evaluate("sessionStorage.clear(); localStorage.clear()")
            await page.goto("about:blank")
            for other in page.context.pages[1:]:
                await other.close()
            await page.context.clear_cookies()
            watch.complaints.clear()
            self._free.setdefault(kind, []).append((page, watch))
