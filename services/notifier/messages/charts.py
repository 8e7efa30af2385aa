"""Which bars help an official most, by kind of rule."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from services.notifier.engine import rules
from services.notifier.engine.kinds import Figure
from services.notifier.messages.account import Account
from services.notifier.messages.chart import Bar, Chart, Mark
from services.notifier.messages.figures import Figures
from services.notifier.messages.templates import Phrases

_MOST_IN_DIGEST = 10
"""Bars of a digest: more would not fit on a phone, and the rows name all."""


def chart_of(account: Account) -> Chart | None:
    """Return the region against its marks with the regions below in the same unit; else the regions below alone."""
    phrases, now, below = account.phrases, account.now, account.contributors
    own = _own(now, account.facts.newest.name, phrases)
    if shows_rows_alone(account):
        return Chart(tuple(_row_bar(row.name, row.number, below.reason, phrases) for row in below.rows))
    short = below.rows if below.reason == "short" else ()
    bars = (_ratio_bar(row.name, row.coverage, phrases) for row in short if row.coverage is not None)
    return None if own is None else Chart((own, *bars), _marks(now, phrases), leads=True)


def shows_rows_alone(account: Account) -> bool:
    """Whether the bars are the numbers of the regions below, which have no unit in common with the region's own."""
    return account.contributors.reason != "short" and len(account.contributors.rows) > 1


def chart_of_digest(accounts: Sequence[Account]) -> Chart | None:
    """Return a bar for each of the first alerts, against the level."""
    drawn = [(a, _own(a.shown, a.facts.newest.name, a.phrases)) for a in accounts[:_MOST_IN_DIGEST]]
    bars = tuple(bar for _, bar in drawn if bar is not None)
    shown, phrases = accounts[0].shown, accounts[0].phrases
    level = shown.level_as_ratio if isinstance(shown.kind, rules.Behind | rules.Forecast) else None
    return Chart(bars, () if level is not None else _marks(shown, phrases)[:1]) if len(bars) > 1 else None


def _own(f: Figures, name: str, phrases: Phrases) -> Bar | None:
    """Return the region's own bar; None where nothing is known."""
    w = phrases.words
    if f.x is None:
        return None
    ratio = f.x if f.is_ratio else f.covered(f.measure, f.basis) if f.level_as_ratio is not None else None
    if ratio is not None:
        return _ratio_bar(name, ratio, phrases)
    match f.kind:
        case rules.Silent():
            return Bar(w.name(name), f.x[0], w.duration(f.x[0]))
        case rules.Designated():
            known = f.snapshot.designation
            if known is None or known.active_officials is None:
                return None
            return Bar(w.name(name), known.active_officials, w.number(known.active_officials))
        case rules.Forecast():
            return None
    return Bar(w.name(name), max(0, f.x[0]), w.number(f.x[0]))


def _ratio_bar(name: str, ratio: Figure, phrases: Phrases) -> Bar:
    w = phrases.words
    return Bar(w.name(name), max(0.0, float(Fraction(*ratio))) if ratio[1] else 0.0, w.ratio(ratio))


def _row_bar(name: str, number: int, reason: str, phrases: Phrases) -> Bar:
    w = phrases.words
    text = {"change": w.signed, "silent": w.duration}.get(reason, w.number)(number)
    return Bar(w.name(name), abs(number), text)


def _marks(f: Figures, phrases: Phrases) -> tuple[Mark, ...]:
    """Return the rule's level, and the next target where it is a ratio of the same people."""
    w, found = phrases.words, list[Mark]()
    level = f.level_as_ratio
    match f.kind:
        case rules.Silent(after_ms=after):
            return (Mark(after, phrases.mark_level(w.duration(after))),)
        case rules.Designated():
            roster = f.snapshot.designation.roster if f.snapshot.designation else None
            return () if roster is None else (Mark(roster, phrases.mark_target(w.number(roster))),)
        case rules.Behind() | rules.Forecast():
            return () if level is None else (Mark(float(level), phrases.mark_target(w.level(level))),)
    assert f.lines is not None  # All other kinds have lines.
    line = f.lines.raised
    found.append(Mark(max(0.0, float(line)), phrases.mark_level(w.level(line) if f.is_ratio else w.line(line))))
    if isinstance(f.kind, rules.Threshold) and (point := f.next_target) is not None and point.ratio != line:
        found.append(Mark(point.ratio, phrases.mark_target(w.level(point.ratio))))
    return tuple(found)
