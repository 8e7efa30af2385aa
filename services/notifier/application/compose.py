"""Writes the message about an alert from the alert's figures and the flows of the regions below."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifier.application.alerts import Alert, Message, figure_of
from services.notifier.application.movers import change, movers
from services.notifier.application.words import KINDS, LANGUAGES, Words
from services.notifier.domain.officials import Official
from services.notifier.domain.rules import Measure
from shared.contracts.snapshots import Snapshot
from shared.regions.codes import WIB, WIT, WITA

_TEMPLATES: Final = Path(__file__).with_name("templates")
_ZONES: Final = {"WIB": WIB, "WITA": WITA, "WIT": WIT}
_DAYS: Final = {"7d": 7, "30d": 30, "90d": 90}


class Composer:
    """Writes messages. The same alert, official, children and time always give the same message."""

    def __init__(self, pages_url: str) -> None:
        """Prepare the templates. `pages_url` is the base of links to a region's page."""
        self._pages_url = pages_url.rstrip("/")
        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        # Compiled now, so that the first message does not wait for it.
        self._templates = {name: environment.get_template(name) for name in environment.list_templates()}
        self._words = {language: Words(language) for language in LANGUAGES}

    def compose(self, alert: Alert, official: Official, children: Sequence[Snapshot], now: datetime) -> Message:
        """Return the message in the official's language."""
        values = {"official": official, **self._values(alert, children, self._words[official.language])}
        subject, text, html = (
            self._templates[f"crossing.{official.language}.{part}"].render(values)
            for part in ("subject.txt", "txt", "html")
        )
        date = format_datetime(now.astimezone(_ZONES[official.time_zone]))
        # A subject is one line, even if a name has line breaks.
        return Message(official.email, " ".join(subject.split()), text, html, date)

    def _values(self, alert: Alert, children: Sequence[Snapshot], words: Words) -> dict[str, Any]:
        snapshot, rule = alert.snapshot, alert.rule
        flows = snapshot.flows.get(rule.window, {})
        kinds = sorted(flows, key=list(KINDS["id"] | flows).index)
        return {
            "w": words,
            "alert": alert,
            "rule": rule,
            "snapshot": snapshot,
            "figure": alert.figure,
            "figures": [(measure, figure_of(snapshot, measure)) for measure in (Measure.ACTIVE, Measure.REGISTERED)],
            "days": _DAYS[rule.window],
            "flows": [(kind, flows[kind]) for kind in kinds if flows[kind].registered or flows[kind].active],
            "change": change(flows, rule.measure),
            "movers": movers(children, rule.window, rule.measure),
            "potential": snapshot.potential.get("workers"),
            "link": f"{self._pages_url}/wilayah/{snapshot.region}",
        }
