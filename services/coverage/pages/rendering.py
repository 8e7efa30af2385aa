"""Renders templates: Jinja2 with autoescape, where an undefined name is an error."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from services.coverage.pages.assets import assets
from services.coverage.pages.formats import Formats, Language
from services.coverage.pages.words import WORDS
from shared.regions.codes import NATION

LANGUAGES: Final[tuple[Language, ...]] = ("id", "en")


class Renderer:
    """Writes pages; each language has an environment of its own, so that components need no language passed on."""

    def __init__(self) -> None:
        self._environments = {language: _environment(language) for language in LANGUAGES}

    def page(self, template: str, language: Language, **context: Any) -> bytes:
        """Return the bytes of a page."""
        return self._environments[language].get_template(template).render(context).encode()


def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=PackageLoader("services.coverage.pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    formats = Formats(language)
    at = LANGUAGES.index(language)

    def say(word: str, **parts: object) -> Markup:
        """Return words of the catalogue; parts are escaped unless they are markup."""
        return Markup(WORDS[word][at]).format(**parts)  # noqa: S704 - the catalogue is ours

    hidden = Markup('<span class="hid">{}</span>').format(say("suppressed"))

    def number(value: int | None) -> Markup:
        """Return a number; None is one that the reader may not see."""
        return hidden if value is None else Markup("{}").format(formats.number(value))

    def when(instant: str, region: str) -> str:
        """Return day and time of an instant of another service's JSON."""
        return formats.moment(datetime.fromisoformat(instant), region)

    environment.globals.update(
        t=say,
        n=number,
        signed=formats.signed,
        percent=formats.percent,
        day=formats.day,
        long_day=formats.long_day,
        clock=formats.clock,
        moment=formats.moment,
        when=when,
        month_of=lambda month: formats.month(date.fromisoformat(f"{month}-01")),
        asset=lambda name: assets()[name].address,
        has=lambda word: word in WORDS,
        language=language,
        NATION=NATION,
    )
    return environment
