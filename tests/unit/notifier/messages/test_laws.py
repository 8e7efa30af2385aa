"""Whatever the facts are, a message can be written, is safe to send, and fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.notifier.engine import rules
from services.notifier.engine.decisions import Occasion
from services.notifier.engine.directory import ChannelKind
from services.notifier.engine.rules import Direction, Lines, Rule, Slice
from services.notifier.messages.compose import Composer
from services.notifier.messages.message import AlertFacts, Message, MessageFacts, Step
from services.notifier.messages.samples import official
from shared.contracts.snapshots import (
    Count,
    Coverage,
    Designation,
    Forecast,
    Potential,
    Projection,
    QuotaBoard,
    Snapshot,
    Target,
    TargetPoint,
)
from shared.regions.codes import level_of, parent_of, zone_name

COMPOSER = Composer()
HUGE = 2**63
MARKED = "<b onclick=x>&\"'\r\nBcc: all@example.id"
TAGS = {"html", "head", "meta", "title", "body", "div", "p", "a", "ul", "li", "strong", "br", "img", "hr"}

people = st.one_of(st.sampled_from([0, 1, 100]), st.integers(0, 200_000), st.integers(0, HUGE))
names = st.one_of(st.just(MARKED), st.text(max_size=12), st.text(min_size=90, max_size=300))
days = st.dates(date(1978, 1, 1), date(2199, 12, 31))
instants = st.integers(0, 7 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
ratios = st.one_of(st.sampled_from([0.0, 0.4, 0.995, 1.2]), st.floats(0, 5))
regions = st.sampled_from(["ID", "11", "63.10", "63.10.02", "63.10.02.2001", "91.71.01.1001", "99.99.99.3999"])
measures, bases = (
    st.sampled_from(["active", "registered"]),
    st.sampled_from(["workers", "vulnerable", "village_officials"]),
)
payers = st.one_of(st.sampled_from(["self", "csr", "apbd_regency"]), names)
counts = st.builds(Count, people, people)
signed_counts = st.builds(Count, people, st.integers(-HUGE, HUGE))
slices = st.sampled_from([Slice("payer", "self"), Slice("group", "vulnerable"), Slice("segment", "PU"),
                          Slice("programme", "JHT"), Slice("group", "new")])  # fmt: skip
fractions = st.sampled_from([Fraction(0), Fraction("0.4"), Fraction(40)]) | st.fractions(-50, 10**18, max_denominator=8)
lines = st.one_of(
    st.tuples(fractions, fractions).map(lambda two: Lines(Direction.ABOVE, max(two), min(two))),
    st.tuples(fractions, fractions).map(lambda two: Lines(Direction.BELOW, min(two), max(two))),
)
above = lines.filter(lambda drawn: drawn.direction is Direction.ABOVE)
kinds = st.one_of(
    st.builds(rules.Threshold, lines, measures, bases),
    st.builds(rules.People, lines, measures, st.none() | slices),
    st.builds(rules.Share, lines, measures, slices),
    st.builds(rules.Fall, above, measures, st.sampled_from(["7d", "30d", "90d"])),
    st.builds(rules.Quota, above, st.just("vulnerable"), st.sampled_from(["gap", "at_zero", "not_passing"])),
    st.builds(rules.Behind, above, measures, bases),
    st.builds(rules.Forecast, above, measures, bases),
    st.builds(rules.LapseAhead, above, st.sampled_from(["30d", "60d", "90d"]), st.sampled_from([None, ("self",)]),
              st.sampled_from(["people", "share"])),
    st.builds(rules.Designated, st.sampled_from([frozenset({"none"}), frozenset({"eligible", "designated_broken"})])),
    st.builds(rules.Silent, st.just("bpjs"), st.integers(1_000, 10**11)),
)  # fmt: skip
points = st.builds(TargetPoint, days, ratios, st.none() | people, st.none() | people)
projections = st.builds(Projection, st.sampled_from([30, 90, 180]), st.integers(-HUGE, HUGE), st.none() | days)
targets = st.builds(Target, bases, measures, st.none() | ratios, st.none() | people, st.none() | people,
                    st.none() | st.integers(-HUGE, HUGE), st.none() | points, points, names, days,
                    st.just(1))  # fmt: skip
forecasts = st.builds(Forecast, bases, measures, ratios, days, people, st.none() | people, st.none() | projections,
                      st.just(()))  # fmt: skip
boards = st.builds(QuotaBoard, st.just("vulnerable"), st.none() | measures, st.none() | people, people, people, people,
                   people, people)  # fmt: skip
states = st.sampled_from([None, "none", "eligible", "designated", "designated_broken"])
designations = st.builds(Designation, states, st.none() | days, st.none() | people, st.none() | people)
sources = st.one_of(
    names, st.sampled_from(["https://www.bps.go.id/x", "BPS, https://[::1", "BPS (https://a.id/?a=1&b=2)."])
)
potentials = st.builds(Potential, people, sources, days, st.just(1), names, st.booleans())


def few(keys: Any, values: Any) -> Any:
    """Return dictionaries of at most three."""
    return st.dictionaries(keys, values, max_size=3)


flows = few(st.sampled_from(["joined", "lapsed", "moved_out", "a new kind"]), signed_counts)
windows = st.fixed_dictionaries({}, optional=dict.fromkeys(("7d", "30d", "90d"), flows))
due = st.fixed_dictionaries({}, optional={window: few(payers, people) for window in ("30d", "60d", "90d")})


def _snapshot(region: str, name: str, fields: dict[str, Any]) -> Snapshot:
    level, zone, parent = level_of(region), zone_name(region), parent_of(region)
    return Snapshot(
        region=region, name=name, level=level, time_zone=zone, parent=parent, unplaced=Count(), coverage=Coverage(),
        recorded_at=None, position=1, **fields,
    )  # fmt: skip


def snapshots(where: st.SearchStrategy[str] = regions) -> st.SearchStrategy[Snapshot]:
    """Return snapshots in which anything may be missing, 0 or huge."""
    groups = few(st.sampled_from(["vulnerable", "village_official"]), counts)
    fields = st.fixed_dictionaries({
        "registered": people, "active": people, "as_of": instants, "flows": windows, "due": due,
        "potential": few(bases, potentials), "fed_at": few(st.just("bpjs"), instants), "catching_up": st.booleans(),
        "by_payer": few(payers, counts), "by_group": groups, "target": st.lists(targets, max_size=2).map(tuple),
        "forecast": st.lists(forecasts, max_size=2).map(tuple), "quota": st.lists(boards, max_size=1).map(tuple),
        "designation": st.none() | designations,
    })  # fmt: skip
    return st.builds(_snapshot, where, names, fields)


@st.composite
def alerts(draw: st.DrawFn) -> AlertFacts:
    """Return an alert of any rule."""
    title = draw(st.text("ab <&\u2028", min_size=1, max_size=150))
    severity, repeat = draw(st.sampled_from(rules.Severity)), draw(st.none() | st.integers(60_000, 10**11))
    rule = Rule("r", {"id": title, "en": title}, draw(kinds), (), severity=severity, repeat_ms=repeat)
    raised_by = draw(snapshots())
    newest = draw(st.just(raised_by) | snapshots(st.just(raised_by.region)))
    below = tuple(draw(st.lists(snapshots(), max_size=4)))
    step = st.builds(Step, instants, st.lists(names | st.just("bupati"), min_size=1, max_size=3).map(tuple))
    query = draw(st.integers(0, 900))
    return AlertFacts(
        draw(st.uuids(version=5)).__str__(), 1, rule, raised_by, newest, below, draw(instants), draw(st.booleans()),
        draw(st.none() | step), draw(st.sampled_from([None, f"https://a.id/t?s={'k' * query}"])),
        f"https://a.id/{'p' * query}", draw(st.none() | instants), draw(st.booleans()),
    )  # fmt: skip


@st.composite
def facts(draw: st.DrawFn) -> MessageFacts:
    """Return the facts of any message; a digest has up to four alerts."""
    reader = replace(official(draw(st.sampled_from(["id", "en"]))), name=draw(names))
    occasion, several = draw(st.sampled_from(Occasion)), tuple(draw(st.lists(alerts(), min_size=1, max_size=4)))
    if occasion is not Occasion.RAISED:
        several = several[:1]
    channels: list[ChannelKind] = ["email", "webhook", "chat"]
    channel = draw(st.sampled_from(channels))
    return MessageFacts("d", reader, channel, occasion, draw(instants), several, "https://a.id/all")


class Elements(HTMLParser):
    """Collects tags, attributes and text of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.words = set[str](), list[tuple[str, str | None]](), list[str]()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag and its attributes."""
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.words.append(data)


def links_of(elements: Elements) -> Iterator[str]:
    """Yield the addresses that the HTML links."""
    return (value or "" for name, value in elements.attributes if name == "href")


@given(facts())
def test_any_facts_make_a_message_that_fits_and_is_escaped(drawn: MessageFacts) -> None:
    """It is written; subject and short form fit; nothing in a name becomes a header, a tag or an attribute."""
    message = COMPOSER.compose(drawn)
    assert 0 < len(message.subject) <= 200
    assert message.subject.splitlines() == [message.subject]
    assert 0 < len(message.short) <= 600
    assert message.is_digest == (len(drawn.alerts) > 1)
    elements = Elements(message.html)
    assert elements.tags <= TAGS
    assert {name for name, _ in elements.attributes}.isdisjoint({"onclick"})
    assert all(link.startswith(("https://", "http://")) for link in links_of(elements))
    assert [picture.png[:4] for picture in message.pictures] == [b"\x89PNG"] * len(message.pictures)
    assert message.html.count("cid:chart") == len(message.pictures)
    assert "\nBcc" not in message.text
    # A link of the short form is whole, or it is left out: a cut address would lead to nowhere.
    urls = {url for alert in drawn.alerts for url in (alert.page_url, alert.acknowledge_url)}
    assert {line.partition(": ")[2] for line in message.short.splitlines() if ": https://a.id" in line} <= urls


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=6, unique=True))
def test_a_digest_has_a_row_an_alert_the_worst_first(active: list[int]) -> None:
    """Regions follow each other by the people that they are short of the level."""
    message = digest_of(active)
    numbers = sorted(active)
    rows = [line for line in message.text.splitlines() if line.startswith("- ")]
    assert [row.partition(":")[0] for row in rows] == [f"- R{number}" for number in numbers]


def test_a_digest_of_thousands_stays_readable() -> None:
    """The worst 50 have a row; then it says how many more there are, with the page of the region that holds all."""
    message = digest_of(list(range(3_000)))
    rows = [line for line in message.text.splitlines() if line.startswith("- ")]
    assert [row.partition(":")[0] for row in rows[:-1]] == [f"- R{number}" for number in range(50)]
    assert rows[-1] == "- dan 2.950 wilayah lain."
    assert message.text.rstrip().endswith(": https://a.id/all")
    assert "untuk 3.000 wilayah" in message.subject
    # Gmail shows no more than 102 KB of a message.
    assert len(message.html.encode()) < 100_000


def digest_of(active: list[int]) -> Message:
    """Return a digest of regions with so many active of 10,000, of whom the level asks for all."""
    lines = Lines(Direction.BELOW, Fraction(2), Fraction(2))
    rule = Rule("r", {"id": "batas", "en": "level"}, rules.Threshold(lines, "active", "workers"), ())
    potential = {"workers": Potential(10_000, "BPS", date(2026, 1, 1), 1)}
    at = datetime(2026, 11, 21, tzinfo=UTC)
    alerts = [
        AlertFacts(
            f"a-{number}", 1, rule, snapshot, snapshot, (), at, False, None, None, f"https://a.id/{number}"
        )
        for number in active
        for snapshot in [_snapshot("11", f"R{number}", {
            "registered": number, "active": number, "as_of": at, "flows": {}, "potential": potential})]
    ]  # fmt: skip
    told_at = at + timedelta(seconds=30)
    return COMPOSER.compose(
        MessageFacts("d", official("id"), "email", Occasion.RAISED, told_at, tuple(alerts), "https://a.id/all")
    )
