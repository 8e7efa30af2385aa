"""Invented facts of every kind of rule, occasion and language, on which templates are tried when they are loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from services.notifier.engine import rules
from services.notifier.engine.decisions import Occasion
from services.notifier.engine.directory import Channel, Official, Role
from services.notifier.engine.rules import Direction, Language, Lines, Rule, Slice
from services.notifier.messages.message import AlertFacts, MessageFacts, Step
from services.notifier.messages.words import LANGUAGES
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

RAISED: Final = datetime(2026, 11, 21, 6, 2, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
_PAGES: Final = "https://cakupan.example.id"
_SOURCE: Final = "BPS Sakernas https://www.bps.go.id/id/statistics-table/2/tenaga-kerja.html"


def _below(line: str, clear: str) -> Lines:
    return Lines(Direction.BELOW, Fraction(line), Fraction(clear))


def _above(line: str, clear: str) -> Lines:
    return Lines(Direction.ABOVE, Fraction(line), Fraction(clear))


_BROKEN: Final = rules.Designated(frozenset({"designated_broken"}))
KINDS: Final[Mapping[str, tuple[str, str, rules.Kind]]] = {
    "threshold": ("Cakupan peserta aktif di bawah 40%", "Active coverage below 40%",
                  rules.Threshold(_below("0.40", "0.41"), "active", "workers")),
    "people": ("Peserta CSR kurang dari 2.000", "Fewer than 2,000 paid by CSR",
               rules.People(_below("2000", "2200"), "active", Slice("payer", "csr"))),
    "share": ("Lebih dari separuh bergantung pada APBD", "More than half depend on the regency's budget",
              rules.Share(_above("0.50", "0.45"), "active", Slice("payer", "apbd_regency"))),
    "fall": ("Kehilangan 0,5% dalam sebulan", "Lost 0.5% within a month",
             rules.Fall(_above("0.005", "0.002"), "active", "30d")),
    "quota": ("Satu Desa 100 Pekerja Rentan belum tercapai", "Satu Desa 100 Pekerja Rentan not met",
              rules.Quota(_above("1", "1"), "vulnerable", "gap")),
    "behind": ("Cakupan di bawah jalur target", "Coverage behind the target path",
               rules.Behind(_above("5000", "4000"), "active", "workers")),
    "forecast": ("Target terlambat menurut laju sekarang", "Target late at today's rate",
                 rules.Forecast(_above("30", "0"), "active", "workers")),
    "lapse_ahead": ("Banyak peserta segera nonaktif", "Many are due to lapse",
                    rules.LapseAhead(_above("3000", "2000"), "30d", None, "people")),
    "designation": ("Desa Sadar gugur syarat", "Desa Sadar broken", _BROKEN),
    "silence": ("Sumber data diam", "A source is silent", rules.Silent("bpjs/kalsel", 6 * 3_600_000)),
}  # fmt: skip
"""A rule of each kind: its titles and what it looks at."""
_ALSO: Final[tuple[rules.Kind, ...]] = (
    rules.Threshold(_above("0.35", "0.34"), "registered", "vulnerable"),
    rules.Quota(_above("5", "5"), "vulnerable", "at_zero"),
    rules.Quota(_above("5", "5"), "vulnerable", "not_passing"),
    rules.LapseAhead(_above("0.05", "0.04"), "60d", ("apbd_regency",), "share"),
    rules.People(_above("40000", "39000"), "registered", None),
    rules.Fall(_above("0.01", "0.01"), "registered", "7d"),
)
"""Further forms of kinds, for the branches of templates."""
_DISTRICTS: Final = (
    ("63.10.02", "Kusan Hilir", 2_940), ("63.10.03", "Sungai Loban", 3_315), ("63.10.04", "Satui", 5_210),
    ("63.10.05", "Kusan Hulu", 2_402), ("63.10.06", "Simpang Empat", 7_480), ("63.10.07", "Karang Bintang", 1_810),
)  # fmt: skip


def snapshot(
    region: str, name: str, active: int, potential: int | None, *, well: bool = False, **over: Any
) -> Snapshot:
    """Return a region's counts with all its parts. `well`: everything is as it should be."""
    registered = active * 5 // 4
    joined, lapsed = (active // 18, active // 60) if well else (active // 40, active // 18)
    flows = {
        "joined": Count(joined, joined), "lapsed": Count(lapsed, -lapsed),
        "returned": Count(active // 120, active // 120), "moved_out": Count(active // 300, -(active // 400)),
    }  # fmt: skip
    due = {"apbd_regency": active * (15 if well else 75) // 1000, "self": active // 200, "csr": active // 900}
    by_budget, by_csr = (active * 4 // 10, 2_410) if well else (active * 55 // 100, 1_310)
    village = level_of(region) == "village"
    values: dict[str, Any] = {
        "level": level_of(region), "time_zone": zone_name(region), "parent": parent_of(region),
        "registered": registered, "active": active, "unplaced": Count(),
        "potential": {} if potential is None else {"workers": Potential(potential, _SOURCE, date(2026, 1, 1), 2)},
        "coverage": Coverage(),
        "flows": {"7d": flows, "30d": flows, "90d": flows}, "as_of": RAISED, "recorded_at": RAISED, "position": 1,
        "fed_at": {"bpjs/kalsel": RAISED - timedelta(hours=9, minutes=20)},
        "by_payer": {
            "apbd_regency": Count(by_budget, by_budget), "csr": Count(by_csr, by_csr),
            "self": Count(active // 3, active // 4),
        },
        "by_group": {"vulnerable": Count(active // 3, active // 4), "village_official": Count(10, 10 if well else 8)},
        "due": {"30d": due, "60d": due, "90d": due},
        "quota": (QuotaBoard("vulnerable", "active", 100, *_board(village, well)),),
        "designation": _designation(well) if village else None,
        **({} if potential is None else _path(active, potential, well)),
    }  # fmt: skip
    return Snapshot(region=region, name=name, **values | over)


def _path(active: int, potential: int, well: bool) -> dict[str, Any]:
    """Return a target of 40 % today and 45 % at the end of 2027, and the forecast of that."""
    now, end = (-(-potential * hundredths // 100) for hundredths in (40, 45))
    short, left = max(0, now - active), max(0, end - active)
    last, path = TargetPoint(date(2027, 12, 31), 0.45, end, left), date(2025, 1, 1)
    at_rate = Projection(90, 1_930 if well else 410, date(2027, 11, 2) if well else date(2028, 3, 9))
    return {
        "target": (
            Target("workers", "active", 0.4, now, short, active - now, last, last, "Inpres 2/2021", path, 1),
        ),
        "forecast": (
            Forecast("workers", "active", 0.45, last.on, left, -(-left * 30 // 405), at_rate, (at_rate,)),
        ),
    }  # fmt: skip


def _board(village: bool, well: bool) -> tuple[int, int, int, int, int]:
    if village:
        return (1, 1, 0, 0, 0) if well else (1, 0, 0, 12, 88)
    return (144, 144, 0, 0, 0) if well else (144, 96, 7, 2_310, 4_400)


def _designation(well: bool) -> Designation:
    return Designation("designated" if well else "designated_broken", date(2025, 8, 17), 10, 10 if well else 8)


def official(language: Language) -> Official:
    """Return who reads the samples."""
    addresses = (Channel("email", "bupati.tanahbumbu@example.id"),)
    return Official("bupati-tanah-bumbu", "Bupati Tanah Bumbu", Role.BUPATI, "63.10", addresses, language)


def sample_rule(kind: str) -> Rule:
    """Return the rule of a kind."""
    id_title, en_title, of = KINDS[kind]
    return Rule(
        kind.replace("_", "-"), {"id": id_title, "en": en_title}, of, (Role.BUPATI,),
        severity=rules.Severity.CRITICAL if kind == "lapse_ahead" else rules.Severity.WARNING,
        escalate=(rules.Escalation(3 * 86_400_000, (Role.GUBERNUR,)),), repeat_ms=7 * 86_400_000,
    )  # fmt: skip


def sample_alert(kind: str) -> AlertFacts:
    """Return an alert of the kind in Tanah Bumbu, of designations in one of its villages."""
    village = kind == "designation"
    region, name = ("63.10.02.2001", "Betung") if village else ("63.10", "Kabupaten Tanah Bumbu")
    raised_by = snapshot(region, name, 412 if village else 48_210, None if village else 136_020)
    below = () if village else tuple(
        snapshot(code, district, active, active * 3 - n * 400,
                 quota=(QuotaBoard("vulnerable", "active", 100, 18, 12 - n, max(0, 3 - n), 640 - n * 95, 500),),
                 fed_at={"bpjs/kalsel": RAISED - timedelta(hours=10 + 3 * n)})
        for n, (code, district, active) in enumerate(_DISTRICTS)
    )  # fmt: skip
    alert = "5b0e7c52-6d6e-5c6b-9d5e-0f3c1f8f6a10"
    step = Step(RAISED + 3 * _DAY, ("Gubernur Kalimantan Selatan", "sekda_provinsi"))
    return AlertFacts(
        alert, 1, sample_rule(kind), raised_by, raised_by, below, RAISED, False, step,
        f"{_PAGES}/tanggapi/{alert}?sampai=1796716920&tanda=kR3vXb1T0mHqv0WlJ8m3lqH3bK9l2sO4",
        f"{_PAGES}/peringatan/{alert}",
    )  # fmt: skip


def sample_message(kind: str, occasion: Occasion, language: Language) -> MessageFacts:
    """Return the facts of a message of an occasion."""
    alert = sample_alert(kind)
    told_at = RAISED
    if occasion in (Occasion.ESCALATED, Occasion.REPEATED):
        told_at = RAISED + (3 if occasion is Occasion.ESCALATED else 7) * _DAY
        alert = replace(alert, newest=_later(alert.raised_by, -310, told_at), next_step=None)
    if occasion is Occasion.RECOVERED:
        told_at = RAISED + 12 * _DAY
        newest = _later(alert.raised_by, 8_400, told_at)
        alert = replace(alert, newest=newest, ended_at=told_at, next_step=None, acknowledge_url=None)
    return MessageFacts("d-1", official(language), "email", occasion, told_at, (alert,), alert.page_url)


def _later(before: Snapshot, more: int, at: datetime) -> Snapshot:
    """Return the region later, with so many more active people; all is well if there are more."""
    potential = before.potential.get("workers")
    sent = {"bpjs/kalsel": at - timedelta(minutes=4)} if more > 0 else before.fed_at
    return snapshot(
        before.region, before.name, max(0, before.active + more), None if potential is None else potential.value,
        well=more > 0, as_of=at, position=2, fed_at=sent,
    )  # fmt: skip


def sample_digest(language: Language) -> MessageFacts:
    """Return the facts of a digest of five districts."""
    alert = sample_alert("threshold")
    alerts = tuple(
        replace(alert, id=f"{alert.id[:-1]}{n}", raised_by=district, newest=district, below=())
        for n, district in enumerate(alert.below[:5])
    )
    told_at = RAISED + timedelta(seconds=30)
    return MessageFacts("d-2", official(language), "email", Occasion.RAISED, told_at, alerts, alert.page_url)


def sample_facts() -> Iterator[MessageFacts]:
    """Yield facts for every kind, occasion and language, and for what is rare: unknown, no potential, never reached."""
    for language in LANGUAGES:
        for kind in KINDS:
            for occasion in Occasion:
                yield sample_message(kind, occasion, language)
        yield sample_digest(language)
        raised = sample_message("threshold", Occasion.RAISED, language)
        alert = raised.alerts[0]
        yield from (_with(raised, rule=replace(alert.rule, kind=kind, severity=rules.Severity.INFO)) for kind in _ALSO)
        yield from _rare(raised, alert)


def _rare(raised: MessageFacts, alert: AlertFacts) -> Iterator[MessageFacts]:
    before = alert.raised_by
    unknown = replace(before, potential={}, target=(), forecast=(), due={}, catching_up=True)
    yield _with(raised, raised_by=unknown, newest=unknown, next_step=None)
    ended = _with(raised, newest=unknown, closed_as_unknown=True, ended_at=RAISED + 9 * _DAY)
    yield replace(ended, occasion=Occasion.RECOVERED)
    revised = Potential(150_000, _SOURCE, date(2026, 11, 1), 3, summed=True)
    yield _with(raised, newest=replace(before, potential={"workers": revised}), because_potential=True)
    stuck = replace(before.forecast[0], at_rate=Projection(90, -40, None))
    never = replace(before, forecast=(stuck,), target=(replace(before.target[0], next=None),))
    yield _with(raised, raised_by=never, newest=never, rule=sample_rule("forecast"))
    village = snapshot("63.10.02.2001", "Betung", 88, None)
    yield _with(raised, raised_by=village, newest=village, rule=sample_rule("quota"), below=())
    met = snapshot("63.10.02.2001", "Betung", 131, None, well=True)
    yield _with(raised, raised_by=village, newest=met, rule=sample_rule("quota"), below=())


def _with(raised: MessageFacts, **over: Any) -> MessageFacts:
    return replace(raised, alerts=(replace(raised.alerts[0], **over),))
