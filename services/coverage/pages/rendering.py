"""Renders templates: Jinja2 with autoescape, where an undefined name is an error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import cache, lru_cache, partial
from html import unescape
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from jinja2.environment import TemplateModule
from jinja2.runtime import Context
from markupsafe import Markup

from services.coverage.pages.assets import assets
from services.coverage.pages.drawing.bars import bar
from services.coverage.pages.drawing.history import history_figure
from services.coverage.pages.drawing.maps import MapRegion, region_map
from services.coverage.pages.drawing.villages import village_rows
from services.coverage.pages.formats import LANGUAGES, Formats, Language
from services.coverage.pages.region import Lead
from services.coverage.pages.view import View
from services.coverage.pages.words import WORDS
from services.coverage.reading.tables import Absent
from shared.regions.codes import NATION

_WRITTEN: Final = 10_000
"""Numbers and days that are kept as they are written, of each kind and language: a board writes the same few often."""


class _Component(Template):
    """A template whose macros other templates import."""

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:  # noqa: ARG002 - Jinja's signature
        """Return the macros. All globals are the environment's, so Jinja need not look for others at each import."""
        return super()._get_default_module()


class _PlainContext(Context):
    """The context of templates whose functions take what they are given, and no context beside it."""

    def call(self, function: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
        """Call the function. Jinja would ask each one what it wants passed, five hundred times a page."""
        # Variables of blocks and loops are for functions that take the context.
        named.pop("_block_vars", None)
        named.pop("_loop_vars", None)
        return function(*args, **named)


def bar_of(lead: Lead) -> Markup:
    """Return the bar of a region's coverage beside its first target."""
    found, target = lead.coverage.active, lead.targets[0] if lead.targets else None
    met = None if target is None or target.people_short is None else not target.people_short
    ratio = None if found is None or found.ratio is None else float(found.ratio)
    return bar(ratio, target.required if target else None, met=met)


class Renderer:
    """Writes pages; each language has an environment of its own, so that components need no language passed on."""

    def __init__(self) -> None:
        self._environments = {language: _environment(language) for language in LANGUAGES}

    def page(self, template: str, language: Language, **context: Any) -> bytes:
        """Return the bytes of a page."""
        return self._environments[language].get_template(template).render(context).encode()


@cache
def _environment(language: Language) -> Environment:
    """Return the environment of a language, all its templates compiled: a request must not wait for that."""
    environment = Environment(
        loader=PackageLoader("services.coverage.pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    environment.template_class, environment.context_class = _Component, _PlainContext
    formats = Formats(language)
    at = LANGUAGES.index(language)

    def say(word: str, **parts: object) -> Markup:
        """Return words of the catalogue; parts are escaped unless they are markup."""
        return Markup(WORDS[word][at]).format(**parts) if parts else alone(word)  # noqa: S704 - the catalogue is ours

    @cache
    def alone(word: str) -> Markup:
        return Markup(WORDS[word][at]).format()  # noqa: S704 - the catalogue is ours

    hidden = Markup('<span class="hid">{}</span>').format(say("suppressed"))

    @lru_cache(_WRITTEN)
    def number(value: int | None) -> Markup:
        """Return a number; None is one that the reader may not see."""
        return hidden if value is None else Markup(formats.number(value))  # noqa: S704 - digits and signs

    def map_of(caption: str, parent: str, regions: Sequence[tuple[Any, Lead]], view: View) -> Markup:
        """Return the map of a region's children, in the view's days."""

        def drawn(one: Any, lead: Lead) -> MapRegion:
            found, hidden = lead.coverage.active, lead.active is None
            ratio = None if found is None or found.ratio is None else float(found.ratio)
            value = formats.percent(ratio) if ratio is not None else say("suppressed" if hidden else "no_denominator")
            return MapRegion(
                one.region, f"{one.name}: {unescape(str(value))}", view.region(one.region), ratio=ratio, hidden=hidden
            )

        return region_map(parent, [drawn(*pair) for pair in regions], caption, language)

    environment.globals.update(
        bar_of=bar_of,
        map_of=map_of,
        village_rows=partial(village_rows, say=say, number=number),
        history_figure=history_figure,
        t=say,
        n=number,
        signed=lru_cache(_WRITTEN)(formats.signed),
        percent=lru_cache(_WRITTEN)(formats.percent),
        day=lru_cache(_WRITTEN)(formats.day),
        long_day=lru_cache(_WRITTEN)(formats.long_day),
        clock=formats.clock,
        moment=formats.moment,
        month_of=lambda month: formats.month(date.fromisoformat(f"{month}-01")),
        asset=lambda name: assets()[name].address,
        has=lambda word: word in WORDS,
        language=language,
        absent=Absent,
        NATION=NATION,
    )
    for template in environment.list_templates():
        environment.get_template(template)
    return environment
