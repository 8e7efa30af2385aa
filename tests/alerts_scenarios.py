"""Scenarios for alerts.md from a seed: few regions, officials and times, so that everything meets everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from shared.regions.codes import level_of, parent_of, zone_name

Dict = dict[str, Any]
START = datetime(2026, 3, 3, 10, tzinfo=UTC)
REGIONS = ["ID", "11", "11.01", "11.01.01", "11.01.01.2001", "11.01.01.2002", "11.02", "63", "63.10"]
ROLES = {
    "ID": ["kemnaker", "kemenko_pmk"], "11": ["gubernur", "sekda_provinsi"], "63": ["gubernur"], "11.01": ["bupati"],
    "11.02": ["bupati"], "63.10": ["bupati", "sekda"], "11.01.01": ["camat"], "11.01.01.2001": ["kepala_desa"],
}  # fmt: skip
HOLDS = ["0s", "0s", "30s", "1m", "1h"]
STEPS = [0, 0, 0, 1, 10_000, 30_000, 60_000, 1_800_000, 3_600_000, 6 * 3_600_000]
LEAPS = [*STEPS, 86_400_000, 4 * 86_400_000]


def scenario(seed: int, length: int = 50) -> tuple[list[Dict], list[Dict], list[Dict]]:
    """Return rules, officials and events."""
    made = _Scenario(Random(seed))
    rules, officials = made.rules(), made.officials()
    return rules, officials, [made.event() for _ in range(length)]


class _Scenario:
    def __init__(self, random: Random) -> None:
        self._random = random
        self._now = START
        self._positions = dict.fromkeys(REGIONS, 0)
        self._rules: list[Dict] = []
        self._officials: list[Dict] = []

    def _one(self, *choices: Any) -> Any:
        return self._random.choice(choices)

    def _some(self, choices: list[Any], least: int = 1, most: int = 3) -> list[Any]:
        return self._random.sample(choices, min(len(choices), self._random.randint(least, most)))

    def _maybe(self, chance: float, **fields: Any) -> Dict:
        return fields if self._random.random() < chance else {}

    # Rules.

    def rules(self) -> list[Dict]:
        """Return one to four rules; of two seeds in three none mutes another."""
        self._rules = [self._rule(id_) for id_ in self._some(["a", "b", "c", "d"], 1, 4)]
        for at, rule in enumerate(self._rules):
            if at and self._random.random() < 0.4:
                rule["muted_by"] = [self._rules[at - 1]["id"]]
        return self._rules

    def _rule(self, id_: str) -> Dict:
        roles = [role for held in ROLES.values() for role in held]
        afters = sorted(self._some(["1m", "1h", "6h", "1d"], 1, 3), key=["1m", "1h", "6h", "1d"].index)
        levels = ["nation", "province", "regency", "district", "village"]
        return {
            "id": id_, "title": {"id": "judul", "en": "title"}, **self._kind(),
            "levels": self._some(levels, 2, 5), "hears": self._some(roles, 1, 3),
            **self._maybe(0.2, regions=self._some(REGIONS, 1, 2)),
            **self._maybe(0.6, hold_for=self._one(*HOLDS)), **self._maybe(0.6, clear_for=self._one(*HOLDS)),
            **self._maybe(0.3, first_sight="quiet"),
            **self._maybe(0.5, severity=self._one("info", "critical", "warning")),
            **self._maybe(0.6, escalate=[{"after": after, "hears": self._some(roles, 1, 2)} for after in afters]),
            **self._maybe(0.6, group_wait=self._one("0s", "30s", "1m", "1h")),
            **self._maybe(0.5, repeat_every=self._one("1h", "6h", "1d", "1d")),
            **self._maybe(0.2, tell_recovery="false"), **self._maybe(0.3, muted_by_above="true"),
        }  # fmt: skip

    def _kind(self) -> Dict:
        above = {"raise_at": self._one("0.40", "0.50"), "clear_below": self._one("0.40", "0.3")}
        below = {"raise_below": "0.40", "clear_at": self._one("0.40", "0.45")}
        ratio = self._one({"direction": "above", **above}, {"direction": "below", **below})
        people = {"raise_at": self._one("40", "50"), "clear_below": self._one("40", "30")}
        either = self._one(
            {"direction": "above", **people}, {"direction": "below", "raise_below": "40", "clear_at": "50"}
        )
        measure = {"measure": self._one("registered", "active")}
        basis = self._maybe(0.5, basis=self._one("workers", "vulnerable", "village_officials"))
        part = self._one({"payer": "csr"}, {"segment": "PU"}, {"group": "vulnerable"}, {"programme": "JKK"})
        kinds: list[Dict] = [
            {"kind": "threshold", **ratio, **measure, **basis},
            {"kind": "threshold", **ratio, "measure": "active"},
            {"kind": "people", **either, **measure, **self._maybe(0.5, slice=part)},
            {"kind": "share", **ratio, **measure, "slice": part},
            {"kind": "fall", **measure, "window": self._one("7d", "30d"), "raise_at": "0.10", "clear_below": "0.05"},
            {"kind": "quota", "group": "vulnerable", "count": self._one("gap", "at_zero", "not_passing"), **people},
            {"kind": "behind", **measure, **basis, **people},
            {"kind": "forecast", **measure, "raise_at": "30", "clear_below": self._one("30", "-10")},
            {"kind": "lapse_ahead", "window": self._one("30d", "60d"), "unit": "people", **people},
            {"kind": "lapse_ahead", "window": "30d", "unit": "share", "payers": ["csr"], **above},
            {"kind": "designation", "states": self._some(["none", "eligible", "designated", "designated_broken"])},
            {"kind": "silence", "source": self._one("bpjs", "sipp"), "after": self._one("1m", "1h", "6h")},
            {"kind": "silence", "source": "bpjs", "after": self._one("1m", "1h", "6h")},
        ]  # fmt: skip
        return self._random.choice(kinds)

    # Officials.

    def officials(self) -> list[Dict]:
        """Return officials of whom some share an address, have terms, deputies and quiet hours."""
        names = [f"o{n}" for n in range(self._random.randint(2, 9))]
        self._officials = [self._official(name, names) for name in names]
        return self._officials

    def _official(self, id_: str, names: list[str]) -> Dict:
        region = self._one(*ROLES)
        channels = [
            {"kind": kind, "address": self._one(f"{id_}@x", "shared@x")} for kind in self._some(["email", "chat"], 1, 2)
        ]
        hours = self._one(("17:00", "18:00"), ("22:00", "06:00"), ("18:00", "07:30"), ("09:00", "09:00"))
        return {
            "id": id_, "name": id_, "role": self._one(*ROLES[region]), "region": region, "channels": channels,
            **self._maybe(0.6, quiet_hours={"from": hours[0], "to": hours[1]}),
            **self._maybe(0.3, valid_until=self._one("2026-03-02", "2026-03-03", "2026-03-05", "2026-03-08")),
            **self._maybe(0.2, valid_from=self._one("2026-02-01", "2026-03-02", "2026-03-04")),
            **self._maybe(0.4, deputy=self._one(*names)), **self._maybe(0.3, language="en"),
        }  # fmt: skip

    # Events.

    def event(self) -> Dict:
        """Return the next event, now or later."""
        self._now += timedelta(milliseconds=self._one(*(LEAPS if self._random.random() < 0.3 else STEPS)))
        made = self._random.random()
        if made < 0.65:
            return self._at(snapshot=self._snapshot())
        if made < 0.68:
            return self._at()
        if made < 0.76:
            rules = None if self._random.random() < 0.5 else self._some(["a", "b", "c"])
            until = self._now + timedelta(seconds=self._one(0, 30, 60, 3_600, 86_400))
            id_ = self._one("s", "t")
            return self._at(silence={"id": id_, "rules": rules, "regions": self._some(REGIONS), "until": _text(until)})
        if made < 0.79:
            return self._at(unsilence={"id": self._one("s", "t")})
        if made < 0.89:
            rule = self._one(*(rule["id"] for rule in self._rules)) if self._rules else "a"
            return self._at(ack={"rule": rule, "region": self._one(*REGIONS), "official": "o1"})
        if made < 0.95:
            self._officials = self._changed(self._officials, self.officials)
            return self._at(officials={"officials": self._officials})
        self._rules = self._changed(self._rules, self.rules)
        return self._at(rules={"rules": self._rules})

    def _changed(self, old: list[Dict], anew: Any) -> list[Dict]:
        """Return entries of which some stay as they were."""
        kept = [entry for entry in old if self._random.random() < 0.7]
        ids = {entry["id"] for entry in kept}
        mixed = kept + [entry for entry in anew() if entry["id"] not in ids]
        ids = {entry["id"] for entry in mixed}
        mixed = [
            {name: value for name, value in entry.items() if name != "muted_by" or set(value) <= ids} for entry in mixed
        ]
        if _has_ring(mixed):
            mixed = [{name: value for name, value in entry.items() if name != "muted_by"} for entry in mixed]
        return mixed

    def _at(self, **event: Any) -> Dict:
        return {"at": _text(self._now), **event}

    def _snapshot(self) -> Dict:
        region = self._one(*REGIONS)
        number = self._random.randint
        if self._random.random() < 0.9:
            self._positions[region] += 1
        as_of = self._now - timedelta(milliseconds=self._one(0, 0, 0, 0, 500, 30_000, 3_600_000, -60_000))

        def count() -> Dict:
            people = number(0, 60)
            return {"registered": people, "active": number(0, people)}

        people = {"registered": self._one(60, number(0, 60)), "active": number(20, 60)}
        potential = {
            basis: {"value": value, "source": "BPS", "valid_from": "2025-01-01", "version": 1}
            for basis, value in (
                ("workers", self._one(100, 100, 120, 90, 0, None)), ("vulnerable", self._one(50, None)),
            )
            if value is not None
        }  # fmt: skip
        flows = {name: count() for name in self._some(["joined", "ended", "moved_in", "moved_out", "rejoined"], 0, 4)}
        flows |= {"lapsed": {"registered": 3, "active": -number(0, 15)}}
        fed = {
            name: _text(as_of - timedelta(seconds=self._one(0, 30, 60, 3_600, -30)))
            for name in self._some(["bpjs", "sipp"], 0, 2)
        }
        return {
            "region": region, "name": region, "level": level_of(region), "time_zone": zone_name(region),
            "parent": parent_of(region), **people, "unplaced": {"registered": 0, "active": 0}, "potential": potential,
            "coverage": {}, "flows": {"7d": flows, "30d": flows, "90d": flows}, "as_of": _text(as_of),
            "recorded_at": None, "position": self._positions[region], "fed_at": fed,
            "catching_up": self._random.random() < 0.12, "by_segment": {"PU": count()},
            "by_group": {"vulnerable": count(), "village_official": count()}, "by_payer": {"csr": count()},
            "by_programme": {"JKK": count()}, "due": {"30d": {"csr": number(0, 30), "self": number(0, 30)}},
            "target": self._target(), "forecast": self._forecast(), "quota": self._quota(),
            "designation": self._one(
                None, {"state": self._one(None, "none", "eligible", "designated", "designated_broken")}
            ),
        }  # fmt: skip

    def _target(self) -> list[Dict]:
        short = self._one(None, self._random.randint(0, 60))
        return [
            {
                "basis": basis, "measure": "active", "required": 0.4, "people_required": 40, "people_short": short,
                "people_ahead": 0, "next": None, "source": "Inpres", "valid_from": "2025-01-01", "version": 1,
                "last": {"on": "2026-12-31", "ratio": 0.5, "people": 50, "people_short": 1},
            }
            for basis in self._some(["workers", "vulnerable"], 0, 2)
        ]  # fmt: skip

    def _forecast(self) -> list[Dict]:
        reached = self._one(None, "2027-01-29", "2027-01-30", "2026-12-20", "2026-12-21", "2027-06-01")
        rate = self._one(None, {"days": 90, "gained": 3, "reached_on": reached})
        return [
            {
                "basis": "workers", "measure": "active", "ratio": 0.4, "due_on": "2026-12-31", "people_short": 3,
                "needed_a_month": 2, "at_rate": rate, "range": [],
            }
        ][: self._random.randint(0, 1)]  # fmt: skip

    def _quota(self) -> list[Dict]:
        villages = self._random.randint(30, 70)
        board = {
            "group": self._one("vulnerable", "vulnerable", "non_asn"), "measure": "active", "required": 100,
            "villages": villages, "passing": self._random.randint(0, 30), "at_zero": self._random.randint(20, 60),
            "gap": self._random.randint(20, 60), "people_below": 0,
        }  # fmt: skip
        return [board][: self._random.randint(0, 1)]


def _has_ring(rules: list[Dict]) -> bool:
    """Say whether a rule mutes itself through others, where each is muted by at most one."""
    muted_by = {rule["id"]: (rule.get("muted_by") or [None])[0] for rule in rules if "hears" in rule}
    for rule in muted_by:
        other, steps = muted_by[rule], 0
        while other is not None and steps <= len(muted_by):
            if other == rule:
                return True
            other, steps = muted_by.get(other), steps + 1
    return False


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
