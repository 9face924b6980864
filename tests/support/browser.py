"""A person with a browser and no scripts: reads a page, follows its links, fills in its forms."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urljoin

import httpx2

from tests.support.patience import PATIENCE

Attributes = dict[str, str | None]
SILENT = ("script", "style", "title")


@dataclass
class Form:
    """A form: where it leads, what stands in its fields, and its buttons by their labels."""

    action: str
    method: str = "get"
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)


class Page(HTMLParser):
    """A page as it is read: its words, links and forms."""

    def __init__(self, answer: httpx2.Response) -> None:
        super().__init__()
        self.url = str(answer.url)
        self.status = answer.status_code
        self.source = answer.text
        self.language = ""
        self.links: list[tuple[str, str]] = []
        self.forms: list[Form] = []
        self._words: list[str] = []
        self._open: list[tuple[str, Attributes, int]] = []
        self._select: str | None = None
        self.feed(answer.text.replace("<wbr>", ""))
        self.close()

    @property
    def text(self) -> str:
        """Everything it says, labels of fields too, in one line."""
        return " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "html":
            self.language = given.get("lang") or ""
        elif tag == "form":
            self.forms.append(
                Form(urljoin(self.url, given.get("action") or ""), (given.get("method") or "get").lower())
            )
        elif tag == "datalist":
            self._select = None
        elif tag in ("input", "textarea", "select", "option") and self.forms:
            self._field(tag, given)
        self._words += [value for name in ("aria-label", "placeholder", "alt") if (value := given.get(name))]
        if tag in ("a", "button", "textarea", *SILENT):
            self._open.append((tag, given, len(self._words)))

    def _field(self, tag: str, given: Attributes) -> None:
        fields, name, value = self.forms[-1].fields, given.get("name") or "", given.get("value") or ""
        if tag == "select":
            self._select = name
        elif tag == "option":
            if self._select is not None and ("selected" in given or self._select not in fields):
                fields[self._select] = value
        elif tag == "input" and given.get("type") in ("checkbox", "radio"):
            if "checked" in given:
                fields[name] = value or "on"
        elif name:
            fields[name] = value

    def handle_data(self, data: str) -> None:
        if not any(tag in SILENT for tag, _, _ in self._open):
            self._words.append(data)
        if self._open and self._open[-1][0] == "textarea":
            name = self._open[-1][1].get("name") or ""
            self.forms[-1].fields[name] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            return
        _, given, begun = self._open.pop()
        label = " ".join(" ".join(self._words[begun:]).split())
        if tag == "a" and given.get("href"):
            self.links.append((label, urljoin(self.url, given["href"] or "")))
        elif tag == "button" and self.forms and "hidden" not in given:
            self.forms[-1].buttons[label] = (given.get("name") or "", given.get("value") or "")

    def link(self, label: str) -> str:
        """Where the first link of this name leads."""
        return next(url for name, url in self.links if name == label)


class Browser:
    """Somebody who goes from page to page; ``seen`` are all of them."""

    def __init__(self, http: httpx2.AsyncClient, language: str = "en") -> None:
        self._http = http
        self._headers = {"Accept": "text/html", "Accept-Language": language}
        self.seen: list[Page] = []

    @property
    def page(self) -> Page:
        """The page that is open."""
        return self.seen[-1]

    async def open(self, url: str) -> Page:
        return self._shown(await self._http.get(url, headers=self._headers, follow_redirects=True, timeout=PATIENCE))

    async def follow(self, label: str) -> Page:
        return await self.open(self.page.link(label))

    async def press(self, label: str, **changes: str) -> Page:
        """Presses the first button whose name begins so, the fields of its form changed first (`__` for a dot)."""
        buttons = [(form, *it) for form in self.page.forms for key, it in form.buttons.items() if key.startswith(label)]
        assert buttons, f"no button {label!r} on {self.page.url}: {self.page.status} {self.page.text}"
        form, name, value = buttons[0]
        filled: dict[str, Any] = form.fields | {key.replace("__", "."): text for key, text in changes.items()}
        if name:
            filled[name] = value
        if form.method == "get":
            return await self.open(f"{form.action}?{urlencode(filled)}")
        headers = {**self._headers, "Content-Type": "application/x-www-form-urlencoded"}  # of an empty form too
        posted = await self._http.post(
            form.action, content=urlencode(filled), headers=headers, follow_redirects=True, timeout=PATIENCE
        )
        return self._shown(posted)

    def _shown(self, answer: httpx2.Response) -> Page:
        self.seen.append(Page(answer))
        return self.page
