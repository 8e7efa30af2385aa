"""Writes the message about one alert, or about several as a digest. The same facts always give the same message."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import inf
from pathlib import Path
from typing import Final

from services.notifier.engine import rules
from services.notifier.engine.decisions import Occasion
from services.notifier.messages.account import Account
from services.notifier.messages.chart import Chart, bar_chart_png
from services.notifier.messages.charts import chart_of, chart_of_digest, shows_rows_alone
from services.notifier.messages.message import Message, MessageFacts, Picture
from services.notifier.messages.page import Line, Link, Note, Page, Section
from services.notifier.messages.samples import sample_facts
from services.notifier.messages.sources import source_of
from services.notifier.messages.templates import Phrases, Templates
from services.notifier.messages.words import cut
from shared.regions.codes import local

SUBJECT_LENGTH: Final = 200
"""Longest subject in characters; programs for mail show far less."""
SHORT_LENGTH: Final = 600
"""Longest short form in characters, its links included."""
_LEAST_SHORT: Final = 200
"""Characters of the short form that links never take; a link that does not fit is left out, never cut."""
_SHOWN: Final = 5
"""Lines of a list that an official reads at a glance."""
_SHORT_ROWS: Final = 3
_ROWS: Final = 50
"""Rows of a digest. Whoever has more alerts acts on the worst; with some 45 KB no program for mail cuts it short."""
_MEASURES: Final[tuple[rules.Measure, ...]] = ("active", "registered")
"""Always both, since officials quote both and confuse them."""
_WITHOUT_PATH: Final = (rules.Quota, rules.Designated, rules.Silent)
"""Kinds that are not about coverage: potential and target path say nothing about them."""
_NO_PICTURE: Final = Picture("chart", b"", "-")
"""Stands for a chart while templates are tried."""


class Composer:
    """Writes messages from facts."""

    def __init__(self, templates: Path | None = None) -> None:
        """Load the templates, or those of a folder in the place of ours, and write each kind of message once.

        Raises: BrokenTemplateError, so that a wrong template is found now and not when an alert is raised.
        """
        self._templates = Templates(templates)
        for facts in sample_facts():
            self._laid_out(_page(facts, self._accounts(facts), _NO_PICTURE))

    def _laid_out(self, page: Page) -> tuple[str, str]:
        return self._templates.layout("mail.txt", page), self._templates.layout("mail.html", page)

    def compose(self, facts: MessageFacts) -> Message:
        """Return the message in the official's language.

        Raises: BrokenTemplateError, if a template of an operator cannot say these facts.
        """
        accounts = self._accounts(facts)
        phrases = accounts[0].phrases
        chart = chart_of(accounts[0]) if len(accounts) == 1 else chart_of_digest(accounts)
        # A chat gets the short form, which has no picture.
        picture = None if chart is None or facts.channel == "chat" else _picture(chart, phrases)
        page = _page(facts, accounts, picture)
        return Message(
            page.subject,
            *self._laid_out(page),
            fitted(page.short, page.links),
            () if picture is None else (picture,),
            local(facts.official.region, facts.told_at),
            facts.delivery if len(accounts) > 1 else facts.alerts[0].id,
            is_digest=len(accounts) > 1,
        )

    def _accounts(self, facts: MessageFacts) -> list[Account]:
        """Return the alerts in words, the worst first."""
        phrases = self._templates.phrases[facts.official.language]
        accounts = [Account(alert, facts.occasion, facts.told_at, phrases) for alert in facts.alerts]
        return sorted(accounts, key=lambda account: (_mildness(account), account.facts.newest.region))


def _page(facts: MessageFacts, accounts: Sequence[Account], picture: Picture | None) -> Page:
    greeting = accounts[0].phrases.greeting(accounts[0].phrases.words.name(facts.official.name))
    if len(accounts) > 1:
        return _digest(accounts, greeting, facts.page_url, picture)
    return _single(accounts[0], greeting, picture)


def _mildness(account: Account) -> float | Fraction:
    """Return a number that is lower the worse an alert is: by people, else by x; unknown comes last."""
    shown = account.shown
    if shown.x is None:
        return inf
    if shown.gap is not None and not shown.above:
        return Fraction(shown.gap)
    x = Fraction(*shown.x) if shown.x[1] else inf
    return -x if shown.above else x


def _picture(chart: Chart, phrases: Phrases) -> Picture:
    return Picture("chart", bar_chart_png(chart), phrases.chart_alt(chart.bars, chart.marks))


# One alert.


def _single(a: Account, greeting: str, picture: Picture | None) -> Page:
    say, links = a.phrases, _links(a)
    sections = [
        Section(say.as_of(a), _lines(_figures(a)), None if shows_rows_alone(a) else picture),
        *_rows(a, picture if shows_rows_alone(a) else None),
        *_flows(a),
        *_payers(a),
    ]
    notes, references = _potential(a)
    return Page(
        say.words.language,
        cut(say.say(f"subject_{a.occasion.value}", a), SUBJECT_LENGTH),
        greeting,
        tuple(_lead(a)),
        tuple(_next(a)),
        tuple(sections),
        links,
        references,
        (*notes, Note(say.number_of_alert(a.facts.id))),
        _short(a),
    )


def _lead(a: Account) -> list[str]:
    say = a.phrases
    if a.occasion is Occasion.RECOVERED:
        lead = [say.closed_as_unknown(a)] if a.facts.closed_as_unknown else [say.recovered(a), say.present(a)]
    else:
        lead = [a.crossed]
        if a.has_moved:
            lead.append(say.at_raise(a, a.state_then + ".") if a.crossing is a.now else say.present(a))
        if a.occasion is Occasion.ESCALATED:
            lead.append(say.why_escalated(a))
        if a.occasion is Occasion.REPEATED:
            lead.append(say.why_repeated(a))
        lead += filter(None, [a.moved_by])
    return [*lead, *filter(None, [a.revised]), *([say.catching_up()] if a.facts.newest.catching_up else [])]


def _figures(a: Account) -> list[str]:
    """Return active and registered beside each other, the people of the rule, the gaps, and since when."""
    say, now = a.phrases, a.now
    w, snapshot = say.words, a.facts.newest
    lines = [
        say.covered(w.people(measure), getattr(snapshot, measure), now.covered(measure, "workers"), "workers")
        for measure in _MEASURES
    ]
    if now.basis != "workers" or now.slice is not None:
        figure = None if now.basis == "workers" else now.covered(now.measure, now.basis)
        people = w.people(now.measure, now.slice, now.basis)
        lines.append(say.covered(people, now.people(now.measure), figure, now.basis))
    if isinstance(a.rule.kind, _WITHOUT_PATH):
        return [*lines, say.since(a)]
    if snapshot.potential.get(now.basis) is None:
        lines.append(say.no_potential())
    if now.gap is not None:
        lines.append(say.gap_to_level(now))
    if a.occasion is not Occasion.RECOVERED and (to_clear := now.gap_to_clear) is not None and now.lines is not None:
        still = to_clear >= 0 if now.above else to_clear < 0
        if still and now.lines.raised != now.lines.cleared:
            lines.append(say.gap_to_clear(now))
    if now.next_target is not None:
        lines.append(say.gap_to_target(now.next_target))
    if now.forecast is not None and now.forecast.needed_a_month:
        lines.append(say.needed(now.forecast))
    return [*lines, say.since(a)]


def _flows(a: Account) -> list[Section]:
    """Return what people did within the window of the rule."""
    flows = a.facts.newest.flows.get(a.now.window, {})
    happened = [a.phrases.flow(kind, count) for kind, count in flows.items() if count.registered or count.active]
    if not happened or isinstance(a.rule.kind, rules.Silent):
        return []
    return [Section(a.phrases.flows_title(a.now), _lines(happened))]


def _payers(a: Account) -> list[Section]:
    """Return how the measure changed since the raise by payer, and who lapses if which payer does not pay."""
    say, sections = a.phrases, list[Section]()
    if isinstance(a.rule.kind, rules.Silent | rules.Designated):
        return []
    if a.by_payer:
        lines = [say.payer_change(payer, change) for payer, change in a.by_payer[:_SHOWN]]
        sections.append(Section(say.payers_title(a.now.measure), _lines(lines)))
    if a.now.due and a.occasion is not Occasion.RECOVERED:
        lines = [say.due(payer, people) for payer, people in a.now.due[:_SHOWN]]
        sections.append(Section(say.due_title(a.now), _lines(lines)))
    return sections


def _rows(a: Account, picture: Picture | None) -> list[Section]:
    """Return the regions right below that contributed most."""
    found, days = a.contributors, a.now.window[:-1]
    if not found.rows:
        return []
    lines = [a.phrases.row(found.reason, row, days) for row in found.rows]
    return [Section(a.phrases.rows_title(found.reason, found.rows[0].level, days), _lines(lines), picture)]


def _next(a: Account) -> list[str]:
    """Return what happens next: who hears when, and what an acknowledgement does."""
    say, rule, step = a.phrases, a.rule, a.facts.next_step
    if a.occasion is Occasion.RECOVERED:
        return [] if a.facts.closed_as_unknown else [say.nothing_next()]
    lines = [say.no_next_step() if step is None else say.next_step(*_step(a))]
    if rule.repeat_ms is not None:
        lines.append(say.repeats(rule))
    if a.facts.acknowledge_url is not None and (step is not None or rule.repeat_ms is not None):
        lines.append(say.acknowledging(rule))
    return lines


def _step(a: Account) -> tuple[str, str]:
    step, w = a.facts.next_step, a.phrases.words
    assert step is not None
    return w.instant(a.facts.newest.region, step.at), w.list(step.officials)


def _links(a: Account) -> tuple[Link, ...]:
    see = Link(a.phrases.see(), a.facts.page_url)
    if a.facts.acknowledge_url is None or a.occasion is Occasion.RECOVERED:
        return (see,)
    return Link(a.phrases.acknowledge(), a.facts.acknowledge_url, acts=True), see


def _potential(a: Account) -> tuple[list[Note], tuple[Link, ...]]:
    """Return the potential with its source: in the text by name, its address as a link of its own."""
    potential = a.facts.newest.potential.get(a.now.basis)
    if potential is None:
        return [], ()
    text, source = a.phrases.potential(potential, a.now.basis), source_of(potential.source)
    name = a.phrases.words.name(source.name)
    if source.url is None:
        return [Note(f"{text} {name}")], ()
    return [Note(text, Link(name, source.url))], (Link(a.phrases.source_link(name), source.url),)


def _lines(texts: Sequence[str]) -> tuple[Line, ...]:
    return tuple(Line(text) for text in texts)


# A digest.


def _digest(accounts: Sequence[Account], greeting: str, page_url: str, picture: Picture | None) -> Page:
    """Return a row for each alert, up to a bound, then how many more there are."""
    worst, say = accounts[0], accounts[0].phrases
    lead = say.digest_lead(len(accounts), worst.title)
    rows = tuple(_digest_row(a) for a in accounts[:_ROWS])
    if (more := len(accounts) - len(rows)) > 0:
        rows = (*rows, Line(say.more(more) + ".", (Link(say.see_short(), page_url),)))
    return Page(
        say.words.language,
        cut(say.subject_digest(len(accounts), worst), SUBJECT_LENGTH),
        greeting,
        (lead,),
        (),
        (Section("", rows, picture),),
        (Link(say.see_worst(), worst.facts.page_url),),
        (),
        (),
        _digest_short(accounts, lead),
    )


def _digest_row(a: Account) -> Line:
    say = a.phrases
    parts = [say.short_since(a)]
    if a.facts.next_step is not None:
        parts.append(say.digest_next(*_step(a)) + ".")
    links = [Link(say.see_short(), a.facts.page_url)]
    if a.facts.acknowledge_url is not None:
        links.insert(0, Link(say.acknowledge_short(), a.facts.acknowledge_url, acts=True))
    return Line(" ".join(parts), tuple(links), say.digest_row(a) + ".")


# The short form.


def _short(a: Account) -> tuple[str, ...]:
    """Return the lines for a chat, the most important first."""
    say = a.phrases
    raised = a.occasion is Occasion.RAISED
    lines = [say.short_crossed(a)] if raised else [say.say(f"subject_{a.occasion.value}", a), say.present(a)]
    if a.occasion is not Occasion.RECOVERED:
        lines.append(say.short_since(a))
        if a.facts.next_step is not None:
            lines.append(say.short_next(*_step(a)))
    return (*lines, *_short_rows(a))


def _short_rows(a: Account) -> list[str]:
    found, days = a.contributors, a.now.window[:-1]
    return [a.phrases.row(found.reason, row, days) for row in found.rows[:_SHORT_ROWS]]


def _digest_short(accounts: Sequence[Account], lead: str) -> tuple[str, ...]:
    rows = [f"{n}. {a.phrases.digest_row(a)}" for n, a in enumerate(accounts[:_SHORT_ROWS], 1)]
    more = len(accounts) - len(rows)
    return (lead, *rows, *([accounts[0].phrases.more(more)] if more else []))


def fitted(lines: Sequence[str], links: Sequence[Link]) -> str:
    """Return as many lines and links as fit into the short form: the first line cut, all others whole or not at all."""
    room = SHORT_LENGTH - _LEAST_SHORT
    written = list[str]()
    for link in links:
        text = f"{link.label}: {link.url}"
        if len(text) + 1 <= room:
            written.append(text)
            room -= len(text) + 1
    room += _LEAST_SHORT
    kept = [cut(lines[0], room)]
    for line in lines[1:]:
        if sum(len(each) + 1 for each in kept) + len(line) <= room:
            kept.append(line)
    return "\n".join([*kept, *written])
