"""The template environments of the pages, one a voice: what every template may call; no page is rendered here."""

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache, partial
from gettext import NullTranslations
from pathlib import Path

from babel.numbers import format_decimal, format_percent
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from domain.shared.documents.instants import format_instant
from templates.catalogs import LOCALES, VOICES, load_translations
from templates.dates import (
    format_day,
    format_elapsed,
    format_moment,
    format_short_day,
    format_short_moment,
    format_span,
)
from templates.exchange import find_footer_links
from templates.labels import make_filters
from templates.states import list_states, name_state
from web.http.static_files import build_static_address


def build_environments(
    folder: Path, load_words: Callable[[str], NullTranslations] = load_translations
) -> dict[str, Environment]:
    """The environment of each voice over `folder`, which is templates/ or like it; pages are named as in pages/."""
    return {voice: _build_environment(folder, voice.partition("-")[0], load_words(voice)) for voice in VOICES}


def format_share(language: str, value: str | Decimal) -> str:
    """A share of one as a percentage, with every digit it has: 79.99 % doesn't pass, and mustn't look as if it did."""
    return format_percent(Decimal(value), locale=LOCALES[language], decimal_quantization=False)


# A dashboard has hundreds of numbers, most of them small and the same; formatting one takes longer than looking it up.
@lru_cache(4096)
def format_number(language: str, value: int) -> str:
    """A number with its thousands apart."""
    return format_decimal(value, locale=LOCALES[language])


def _build_environment(folder: Path, language: str, words: NullTranslations) -> Environment:
    pages = Environment(
        loader=FileSystemLoader(folder / "pages"),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.policies["ext.i18n.trimmed"] = True
    pages.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
    pages.globals.update(language=language, static=build_static_address, footer_links=find_footer_links)
    pages.globals.update(address_states=list_states(language))
    pages.filters.update(
        day=partial(format_day, language),
        moment=partial(format_moment, language),
        short_day=partial(format_short_day, language),
        short_moment=partial(format_short_moment, language),
        lasted=partial(format_elapsed, language),
        span=partial(format_span, language),
        instant=partial(format_instant, timespec="seconds"),
        number=partial(format_number, language),
        percent=partial(format_share, language),
        state_name=partial(name_state, language),
        **(labels := make_filters(words)),
        who=_build_naming(labels["actor"]),
    )
    return pages


def _build_naming(label: Callable[[str], str]) -> Callable[[Context, str], str]:
    """A filter that names who did something: somebody of staff as their provider does, where the page has the names."""

    @pass_context
    def name_actor(context: Context, actor: str) -> str:
        return (context.get("staff_names") or {}).get(actor) or label(actor)

    return name_actor
