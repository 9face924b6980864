"""Renders a notice from its templates in the reader's language; it sends nothing and decides nothing."""

import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from gettext import NullTranslations
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from templates.catalogs import VOICES, load_translations, name_voice
from templates.dates import format_day, format_moment
from templates.labels import make_filters

COLUMNS = 72

# What a line of the text part may open with to stand on its own, instead of joining the line above.
_OPENING = re.compile(r"- |>|\d\. |https?://")


@dataclass(frozen=True)
class RenderedNotice:
    subject: str
    text: str
    html: str


class NoticeRenderer:
    """The notices kept in `folder` (templates/notices), ready to be rendered."""

    def __init__(self, folder: Path, words: Callable[[str], NullTranslations] = load_translations) -> None:
        # Subjects and text parts are plain text: escaping would put "&amp;" before the reader.
        self._plain = {one: _make_environment(folder, one, words(one), autoescape=False) for one in VOICES}
        self._html = {one: _make_environment(folder, one, words(one), autoescape=True) for one in VOICES}

    def render_notice(
        self, notice: str, language: str, values: Mapping[str, object], addressed_as: str = ""
    ) -> RenderedNotice:
        """The notice in "en" or "es", to somebody whom Spanish speaks of so.

        A variable that a template needs and `values` lacks raises UndefinedError.
        """
        known = {**values, "notice": notice, "language": language}
        voice = name_voice(language, addressed_as)
        plain, html = self._plain[voice], self._html[voice]
        return RenderedNotice(
            subject=strip_line_breaks(plain.get_template(f"{notice}.subject.txt").render(known)),
            text=wrap_text(plain.get_template(f"{notice}.txt").render(known)),
            html=html.get_template(f"{notice}.html").render(known),
        )


def strip_line_breaks(text: str) -> str:
    """Text without line breaks or control characters, so that no value can add a header."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def wrap_text(text: str) -> str:
    """Paragraphs filled to 72 columns; list items, quoted lines and bare links keep a line of their own."""
    filled = (_fill_paragraph(paragraph) for paragraph in _split_paragraphs(text))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(filled)).strip() + "\n"


def quote_text(text: str) -> str:
    """Somebody's words, line by line, marked as theirs."""
    return "\n".join(f"> {line}" for line in text.splitlines())


def _split_paragraphs(text: str) -> list[str]:
    paragraphs: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if paragraphs and paragraphs[-1] and line and not _OPENING.match(line):
            paragraphs[-1] += f" {line}"
        else:
            paragraphs.append(line)
    return paragraphs


def _fill_paragraph(paragraph: str) -> str:
    if paragraph.startswith("> "):
        indent = "> "
    elif paragraph.startswith("- ") or re.match(r"\d\. ", paragraph):
        indent = " " * (paragraph.index(" ") + 1)
    else:
        indent = ""
    return textwrap.fill(paragraph, COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


@pass_context
def _format_moment(context: Context, value: datetime) -> str:
    return format_moment(context["language"], value, str(context.resolve("program")))


def _make_environment(folder: Path, voice: str, words: NullTranslations, autoescape: bool) -> Environment:
    language = voice.partition("-")[0]
    environment = Environment(
        loader=FileSystemLoader(folder),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        autoescape=autoescape,  # noqa: S701 the plain-text parts are not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(
        day=partial(format_day, language), moment=_format_moment, quoted=quote_text, **make_filters(words)
    )
    return environment
