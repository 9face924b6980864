"""Every page of tests/templates/pages.py, rendered and read once in a test process, however many checks it gets."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from html.parser import HTMLParser

from tests.templates.contexts import TEMPLATES
from tests.templates.pages import EVERY_PAGE
from web.http.environments import build_environments

PAGES = build_environments(TEMPLATES)
VOID = {"meta", "link", "input", "br", "img"}


class Reader(HTMLParser):
    """Reads a page's tags and words, and fails where they don't match up."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.opened: list[str] = []
        self.words: list[str] = []
        self.feed(source.replace("<wbr>", ""))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len(dict(attrs)), f"an attribute of <{tag}> is there twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]

    @property
    def forms(self) -> list[dict[str, str | None]]:
        """The page's own forms, but for those by which one signs out or withdraws."""
        return [
            form
            for form in self.of("form")
            if not (form["action"] or "").startswith("/me/sign-out") and "/withdraw?" not in (form["action"] or "")
        ]

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] or "" for _, attributes in self.tags if "id" in attributes]

    @property
    def chosen(self) -> dict[str, str]:
        """What each list of the page stands at, by its name: the option that is selected, else the first."""
        found: dict[str, str] = {}
        name = ""
        for tag, attributes in self.tags:
            if tag == "select":
                name = attributes["name"] or ""
            elif tag == "datalist":
                name = ""
            elif tag == "option" and name and ("selected" in attributes or name not in found):
                found[name] = attributes["value"] or ""
        return found

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@dataclass(frozen=True)
class Page:
    """A page in a language; nothing is rendered or read before it is asked for."""

    name: str
    language: str

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"

    @property
    def template(self) -> str:
        return EVERY_PAGE[self.name][0]

    @property
    def context(self) -> dict[str, object]:
        return EVERY_PAGE[self.name][1](self.language)

    @cached_property
    def source(self) -> str:
        return PAGES[self.language].get_template(self.template).render(self.context)

    @cached_property
    def reader(self) -> Reader:
        return Reader(self.source)


@lru_cache(None)
def find_page(name: str, language: str) -> Page:
    """The page of that name, the same object each time."""
    return Page(name, language)


def page(name: str, language: str) -> str:
    return find_page(name, language).source
