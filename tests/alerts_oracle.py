"""alerts.md computed a second time, as plainly as can be: no index, no agenda, everything is looked at each instant.

Rules, officials and snapshots are the plain dicts of their files and of JSON; nothing of the notifier is imported. What
both share is the reading of the page where it leaves a choice (ADR 0031).
"""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

Dict = dict[str, Any]
SPACE = uuid.UUID("8b7a1f52-6f0e-4f3b-9d2c-6a4f4d1c0e11")
LEVELS = {"kemenko_pmk": 0, "kemnaker": 0, "kemendagri": 0, "bpjs_pusat": 0, "gubernur": 1, "sekda_provinsi": 1,
          "bupati": 2, "sekda": 2, "camat": 3, "kepala_desa": 4}  # fmt: skip
LEVEL_NAMES = ["nation", "province", "regency", "district", "village"]
WITA = {"51", "52", "53", "63", "64", "65", "71", "72", "73", "74", "75", "76"}
RAISE, BAND, CLEAR = "raise", "band", "clear"
GROUPS = {"vulnerable": "vulnerable", "village_officials": "village_official"}


def instant(text: str) -> datetime:
    """Return the instant, cut to milliseconds."""
    read = datetime.fromisoformat(text).astimezone(UTC)
    return read.replace(microsecond=read.microsecond // 1000 * 1000)


def text(moment: datetime) -> str:
    """Return the instant as the trace writes it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def duration(written: str) -> timedelta:
    """Return the length of `30m`."""
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[written[-1]]
    return timedelta(**{unit: int(written[:-1])})


def up(region: str) -> list[str]:
    """Return the region and those above it."""
    parts = [] if region == "ID" else region.split(".")
    return [".".join(parts[:n]) for n in range(len(parts), 0, -1)] + ["ID"]


def level(region: str) -> int:
    """Return 0 for the nation to 4 for a village."""
    return len(up(region)) - 1


def wall(moment: datetime, region: str) -> datetime:
    """Return what the region's clocks show, without a zone."""
    province = region[:2]
    hours = 8 if province in WITA else 9 if region != "ID" and province >= "81" else 7
    return moment.replace(tzinfo=None) + timedelta(hours=hours)


def number(rule: Dict, snap: Dict, t: datetime, potential: int | None = None) -> Fraction | str | None:
    """Return x, "never" for the forecast that is not at this rate, None for unknown. `potential`: another one."""
    kind, measure = rule["kind"], str(rule.get("measure"))

    def people(part: Dict | None) -> int:
        if not part:
            return int(snap[measure])
        ((dimension, value),) = part.items()
        return int(snap[f"by_{dimension}"].get(value, {}).get(measure, 0))

    def over(top: int, basis: str) -> Fraction | None:
        below = potential if potential is not None else snap["potential"].get(basis, {}).get("value", 0)
        return Fraction(top, below) if below else None

    if kind == "threshold":
        basis = rule.get("basis", "workers")
        return over(people({"group": GROUPS[basis]} if basis in GROUPS else None), basis)
    if kind == "people":
        return Fraction(people(rule.get("slice")))
    if kind == "share":
        return Fraction(people(rule["slice"]), people(None)) if people(None) else None
    if kind == "fall":
        flows = snap["flows"].get(rule["window"], {})
        sign = {"joined": 1, "rejoined": 1, "moved_in": 1, "ended": -1, "moved_out": -1}
        if measure == "registered":
            change = sum(sign.get(name, 0) * flow["registered"] for name, flow in flows.items())
        else:
            change = sum(flow["active"] for flow in flows.values())
        return over(-change, "workers")
    if kind == "quota":
        for board in snap["quota"]:
            if board["group"] == rule["group"]:
                counts = {**board, "not_passing": board["villages"] - board["passing"]}
                return Fraction(counts[rule["count"]])
        return None
    if kind in ("behind", "forecast"):
        wanted = (rule.get("basis", "workers"), measure)
        for entry in snap["target" if kind == "behind" else "forecast"]:
            if (entry["basis"], entry["measure"]) == wanted:
                if kind == "behind":
                    return None if entry["people_short"] is None else Fraction(entry["people_short"])
                if entry["at_rate"] is None:
                    return None
                if entry["at_rate"]["reached_on"] is None:
                    return "never"
                days = date.fromisoformat(entry["at_rate"]["reached_on"]) - date.fromisoformat(entry["due_on"])
                return Fraction(days.days)
        return None
    if kind == "lapse_ahead":
        due = snap["due"].get(rule["window"], {})
        lapse = sum(n for payer, n in due.items() if payer in rule.get("payers", list(due)))
        if rule["unit"] == "people":
            return Fraction(lapse)
        return Fraction(lapse, snap["active"]) if snap["active"] else None
    if kind == "designation":
        state = (snap["designation"] or {}).get("state")
        return None if state is None or snap["level"] != "village" else Fraction(state in rule["states"])
    heard = snap["fed_at"].get(rule["source"])
    if heard is None:
        return None
    return Fraction((t - min(instant(heard), instant(snap["as_of"]))) // timedelta(milliseconds=1))


def side(rule: Dict, x: Fraction | str | None) -> str | None:
    """Return on which side x stands; None where it is unknown."""
    if x is None:
        return None
    if rule["kind"] == "designation":
        return RAISE if x == 1 else CLEAR
    if rule["kind"] == "silence":
        return RAISE if x >= duration(rule["after"]) // timedelta(milliseconds=1) else CLEAR  # type: ignore[operator]
    if x == "never":
        return RAISE
    assert isinstance(x, Fraction)
    if rule.get("direction", "above") == "above":
        return RAISE if x >= Fraction(rule["raise_at"]) else CLEAR if x < Fraction(rule["clear_below"]) else BAND
    return RAISE if x < Fraction(rule["raise_below"]) else CLEAR if x >= Fraction(rule["clear_at"]) else BAND


class Oracle:
    """Everything that was ever said, in plain lists, and the lines of the trace."""

    def __init__(self, rules: list[Dict], officials: list[Dict]) -> None:
        self.now = datetime.min.replace(tzinfo=UTC)
        self.rules = {rule["id"]: rule for rule in rules}
        self.officials = officials
        self.silences: dict[str, Dict] = {}
        self.read: dict[str, list[Dict]] = {}
        self.states: dict[tuple[str, str], Dict] = {}
        self.alerts: list[Dict] = []
        self.waits: list[Dict] = []
        self.lines: list[Dict] = []

    # Events.

    def run(self, events: list[Dict]) -> list[Dict]:
        """Return the lines of the trace."""
        for event in events:
            self.pass_time(instant(event["at"]))
            for name, handle in (("snapshot", self.snapshot), ("rules", self.change_rules), ("ack", self.ack)):
                if name in event:
                    handle(event[name])
            if "officials" in event:
                self.officials = event["officials"]["officials"]
            if "silence" in event:
                self.silences[event["silence"]["id"]] = event["silence"]
            if "unsilence" in event:
                self.silences.pop(event["unsilence"]["id"], None)
            self.at_this_instant()
        return self.lines

    def pass_time(self, to: datetime) -> None:
        while True:
            ahead = [moment for moment in self.moments() if self.now < moment <= to]
            if not ahead:
                break
            self.now = min(ahead)
            self.at_this_instant()
        self.now = to
        self.at_this_instant()

    def moments(self) -> list[datetime]:
        """Return every instant at which anything might happen by itself."""
        found = [instant(silence["until"]) for silence in self.silences.values()]
        found += [wait[name] for wait in self.waits for name in ("until", "digest") if wait.get(name)]
        for (rule_id, region), state in self.states.items():
            rule = self.rules.get(rule_id)
            if rule is None:
                continue
            found += [state["since"] + duration(rule.get(name, "0s")) for name in ("hold_for", "clear_for")]
            if state["unknown"]:
                found.append(state["unknown"] + timedelta(days=7))
            if rule["kind"] == "silence":
                snap = self.newest(region)
                heard = snap["fed_at"].get(rule["source"])
                if heard:
                    found.append(min(instant(heard), instant(snap["as_of"])) + duration(rule["after"]))
        for alert in self.alerts:
            rule = self.rules.get(alert["rule"])
            if rule is None or not alert["fires"]:
                continue
            found += [alert["t"] + duration(step["after"]) for step in rule.get("escalate", [])]
            if "repeat_every" in rule:
                found += [told["last"] + duration(rule["repeat_every"]) for told in alert["told"].values()]
        return found

    def at_this_instant(self) -> None:
        """Do all that can be done now, in the order of the page, until nothing more happens."""
        while True:
            before = len(self.lines), len(self.waits), len(self.alerts), repr(self.alerts)
            self.moves_of_time()
            self.ends()
            self.escalations()
            self.repeats()
            self.judge([wait for wait in self.waits if wait["why"] == "quiet_hours" and wait["until"] <= self.now])
            self.digests()
            if before == (len(self.lines), len(self.waits), len(self.alerts), repr(self.alerts)):
                return

    # Snapshots and rules.

    def newest(self, region: str) -> Dict:
        return self.read[region][-1]

    def behind(self, region: str) -> bool:
        return region in self.read and bool(self.newest(region)["catching_up"])

    def covers(self, rule: Dict, region: str) -> bool:
        regions = rule.get("regions", ["ID"])
        if not rule.get("levels"):
            return region in regions
        return LEVEL_NAMES[level(region)] in rule["levels"] and any(place in regions for place in up(region))

    def snapshot(self, snap: Dict) -> None:
        def order(one: Dict) -> tuple[int, datetime]:
            return one["position"], instant(one["as_of"])

        known = self.read.setdefault(snap["region"], [])
        if known and order(snap) <= order(known[-1]):
            return
        known.append(snap)
        changes = []
        for rule in self.sorted_rules():
            if self.covers(rule, snap["region"]):
                changes += self.judgement(rule, snap["region"], min(instant(snap["as_of"]), self.now))
        self.tell(changes)

    def change_rules(self, content: Dict) -> None:
        old, self.rules = self.rules, {rule["id"]: rule for rule in content["rules"]}
        changes = []
        for rule_id in sorted(old.keys() | self.rules.keys()):
            before, after = old.get(rule_id), self.rules.get(rule_id)
            if before == after:
                continue
            for region in sorted(self.read):
                if after and self.covers(after, region):
                    changes += self.judgement(after, region, self.now)
                elif before and self.covers(before, region):
                    self.close(rule_id, region, "out_of_scope" if after else "rule_removed")
        self.tell(changes)

    def sorted_rules(self) -> list[Dict]:
        return sorted(self.rules.values(), key=lambda rule: rule["id"])

    def state(self, rule_id: str, region: str) -> Dict:
        fresh = {"phase": "ok", "since": self.now, "last": None, "unknown": None, "seen": False, "potential": False}
        return self.states.setdefault((rule_id, region), fresh)

    def judgement(self, rule: Dict, region: str, t: datetime) -> list[tuple[str, Dict]]:
        """Judge, and return the alerts that began or ended."""
        state, snap = self.state(rule["id"], region), self.newest(region)
        t = max(t, state["last"] or t)
        state["last"] = t
        stands = side(rule, number(rule, snap, t))
        if stands is not None:
            state["unknown"] = None
        elif state["unknown"] is None and state["phase"] != "ok":
            state["unknown"] = t
        if stands is None or snap["catching_up"]:
            return []
        first, state["seen"] = not state["seen"], True
        if first and stands == RAISE and rule.get("first_sight") == "quiet":
            return self.go(rule, region, "firing", "raised", t, quiet=True)
        return self.one_move(rule, region, stands, t)

    def one_move(self, rule: Dict, region: str, stands: str, t: datetime) -> list[tuple[str, Dict]]:
        state = self.state(rule["id"], region)
        hold, clear = duration(rule.get("hold_for", "0s")), duration(rule.get("clear_for", "0s"))
        phase = state["phase"]
        if phase in ("ok", "pending"):
            if stands == RAISE:
                since = t if phase == "ok" else state["since"]
                if t - since >= hold:
                    return self.go(rule, region, "firing", "raised", t)
                if phase == "ok":
                    return self.go(rule, region, "pending", "hold_started", t)
            elif phase == "pending":
                return self.go(rule, region, "ok", "hold_broken", t)
        elif stands == CLEAR:
            since = t if phase == "firing" else state["since"]
            if t - since >= clear:
                return self.go(rule, region, "ok", "recovered", t)
            if phase == "firing":
                return self.go(rule, region, "recovering", "clear_started", t)
        elif phase == "recovering":
            return self.go(rule, region, "firing", "clear_broken", t)
        return []

    def go(
        self, rule: Dict, region: str, to: str, reason: str, t: datetime, quiet: bool = False
    ) -> list[tuple[str, Dict]]:
        """Move, write the line, and return the alert if it began or ended."""
        state = self.state(rule["id"], region)
        alert = self.firing(rule["id"], region)
        if state["phase"] == "ok":
            state["potential"] = self.only_potential(rule, region, t)
        if reason == "raised":
            episodes = [each for each in self.alerts if (each["rule"], each["region"]) == (rule["id"], region)]
            alert = {
                "rule": rule["id"], "region": region, "episode": len(episodes) + 1, "t": t, "fires": True,
                "potential": state["potential"], "quiet": quiet, "acked": False, "steps": 0, "hurry": False,
                "told": {}, "vacant": [],
            }  # fmt: skip
            self.alerts.append(alert)
        line = {
            "at": text(self.now), "t": text(t), "what": "move", "rule": rule["id"], "region": region,
            "episode": alert["episode"] if alert else None, "from": state["phase"], "to": to, "reason": reason,
        }  # fmt: skip
        if reason == "raised" and state["potential"]:
            line["because"] = "potential"
        self.lines.append(line)
        if to != state["phase"] and to in ("pending", "recovering"):
            state["since"] = t
        state["phase"] = to
        if to == "ok":
            state["unknown"] = None
        if alert and to == "ok":
            alert["fires"] = False
            alert["dropped"] = [wait for wait in self.waits if wait["alert"] is alert]
            self.waits = [wait for wait in self.waits if wait["alert"] is not alert]
            return [("ended", alert)]
        return [("began", alert)] if alert and reason == "raised" and not quiet else []

    def only_potential(self, rule: Dict, region: str, t: datetime) -> bool:
        snaps = self.read[region]
        if rule["kind"] not in ("threshold", "fall") or len(snaps) < 2:
            return False
        basis = rule.get("basis", "workers") if rule["kind"] == "threshold" else "workers"
        earlier = snaps[-2]["potential"].get(basis, {}).get("value", 0)
        return not earlier or side(rule, number(rule, snaps[-1], t, potential=earlier)) != RAISE

    def firing(self, rule_id: str, region: str) -> Dict | None:
        found = [a for a in self.alerts if a["fires"] and (a["rule"], a["region"]) == (rule_id, region)]
        return found[0] if found else None

    def close(self, rule_id: str, region: str, reason: str) -> list[tuple[str, Dict]]:
        state = self.state(rule_id, region)
        ended = []
        if state["phase"] != "ok":
            ended = self.go({"id": rule_id, "kind": ""}, region, "ok", reason, self.now)
        state["seen"] = False
        return ended

    # What time does.

    def moves_of_time(self) -> None:
        changes = []
        for rule_id, region in sorted(self.states):
            rule, state = self.rules.get(rule_id), self.states[rule_id, region]
            if rule is None or not self.covers(rule, region) or self.behind(region):
                continue
            if state["unknown"] and self.now - state["unknown"] >= timedelta(days=7):
                state["last"] = self.now
                changes += self.close(rule_id, region, "unknown")
                continue
            stands = side(rule, number(rule, self.newest(region), self.now))
            moved = len(self.lines)
            if stands and (state["phase"] in ("pending", "recovering") or rule["kind"] == "silence"):
                changes += self.one_move(rule, region, stands, self.now)
            if len(self.lines) > moved:
                state["last"] = self.now
        self.tell(changes)

    def ends(self) -> None:
        self.silences = {id_: each for id_, each in self.silences.items() if instant(each["until"]) > self.now}
        over = []
        for wait in self.waits:
            alert = wait["alert"]
            if (wait["why"] == "muted" and not self.muted(alert)) or (
                wait["why"] == "silenced" and not self.silenced(alert)
            ):
                over.append(wait)
        self.judge(over)

    def escalations(self) -> None:
        for alert in self.open_alerts():
            steps = self.rules[alert["rule"]].get("escalate", [])
            people: list[tuple[str, str, int]] = []
            while alert["steps"] < len(steps):
                step = steps[alert["steps"]]
                if not alert["hurry"] and self.now < alert["t"] + duration(step["after"]):
                    break
                alert["steps"] += 1
                for official, role in self.who(alert, step["hears"], "escalated", alert["steps"]):
                    if not self.reached(alert, official) and official not in [name for name, _, _ in people]:
                        people.append((official, role, alert["steps"]))
            self.judge([self.wait(alert, "escalated", *each) for each in people])

    def repeats(self) -> None:
        for alert in self.open_alerts():
            rule = self.rules[alert["rule"]]
            if "repeat_every" not in rule:
                continue
            every = duration(rule["repeat_every"])
            waits = [wait["official"] for wait in self.waits if wait["alert"] is alert]
            due = [o for o, told in alert["told"].items() if o not in waits and self.now >= told["last"] + every]
            for official in due:
                alert["told"][official]["last"] = self.now
            self.judge([self.wait(alert, "repeated", o, alert["told"][o]["role"], text(self.now)) for o in due])

    def open_alerts(self) -> list[Dict]:
        """Return alerts that may escalate and repeat now."""
        found = [
            alert for alert in self.alerts
            if alert["fires"] and not alert["acked"] and not alert["quiet"] and not self.behind(alert["region"])
        ]  # fmt: skip
        return sorted(found, key=lambda alert: (alert["rule"], alert["region"]))

    def digests(self) -> None:
        """Send what has gathered long enough: together what falls due together, alone what comes late."""
        due = [w for w in self.waits if w["why"] == "grouped" and w["digest"] <= self.now]
        for wait in due:
            if self.behind(wait["alert"]["region"]):
                wait["late"] = True
        batches: dict[Any, list[Dict]] = {}
        for wait in sorted(due, key=self.order):
            if not self.behind(wait["alert"]["region"]):
                alone = wait["alert"]["region"] if wait["late"] else None
                batches.setdefault((wait["alert"]["rule"], wait["official"], alone), []).append(wait)
        for batch in batches.values():
            told: dict[str, list[Dict]] = {}
            for wait in self.place(batch):
                if not self.hold(wait, gathers=False):
                    told.setdefault(wait["official"], []).append(wait)
            for official in sorted(told):
                self.send(told[official])

    # Who hears.

    def official(self, id_: str) -> Dict | None:
        return next((each for each in self.officials if each["id"] == id_), None)

    def in_office(self, official: Dict) -> bool:
        today = wall(self.now, official["region"]).date().isoformat()
        return bool(official.get("valid_from", "0001-01-01") <= today <= official.get("valid_until", "9999-12-31"))

    def holders(self, role: str, region: str) -> list[str] | None:
        """Return who holds the role for an alert of the region; None where the role is below it."""
        posts = [place for place in up(region) if level(place) == LEVELS[role]]
        if not posts:
            return None
        listed = [each for each in self.officials if (each["role"], each["region"]) == (role, posts[0])]
        present = sorted(each["id"] for each in listed if self.in_office(each))
        if present:
            return present
        today = wall(self.now, posts[0]).date().isoformat()
        former = [each for each in listed if each.get("valid_until", "9999-12-31") < today]
        if not former:
            return []
        end = max((each["valid_until"], each.get("valid_from", "0001-01-01")) for each in former)
        last = min(
            (e for e in former if (e["valid_until"], e.get("valid_from", "0001-01-01")) == end),
            key=lambda e: str(e["id"]),
        )
        deputy = self.official(last.get("deputy", ""))
        return [deputy["id"]] if deputy and self.in_office(deputy) else []

    def holders_told(self, alert: Dict, role: str, occasion: str, part: Any) -> list[str]:
        """Return the holders; write the vacancy if it is the occasion's first."""
        found = self.holders(role, alert["region"])
        if found == [] and (occasion, part, role) not in alert["vacant"]:
            alert["vacant"].append((occasion, part, role))
            line = {"at": text(self.now), "what": "vacancy", "rule": alert["rule"], "region": alert["region"]}
            self.lines.append(line | {"role": role})
        return found or []

    def who(self, alert: Dict, roles: list[str], occasion: str, part: Any) -> list[tuple[str, str]]:
        people: list[tuple[str, str]] = []
        for role in roles:
            for official in self.holders_told(alert, role, occasion, part):
                if official not in [name for name, _ in people]:
                    people.append((official, role))
        alert["hurry"] = not people
        return people

    def reached(self, alert: Dict, official: str) -> bool:
        waits = any(w["alert"] is alert and w["official"] == official for w in self.waits)
        return waits or official in alert["told"]

    # Occasions.

    def tell(self, changes: list[tuple[str, Dict]]) -> None:
        """Make the occasions of alerts that began or ended."""
        for what, alert in sorted(changes, key=lambda change: (change[1]["rule"], change[1]["region"])):
            rule = self.rules[alert["rule"]]
            if what == "began":
                people = self.who(alert, rule["hears"], "raised", 0)
                self.judge([self.wait(alert, "raised", official, role, 0) for official, role in people])
                continue
            ends = []
            if str(rule.get("tell_recovery", "true")) == "true":
                ends = [self.wait(alert, "recovered", o, told["role"], 0) for o, told in alert["told"].items()]
            self.judge(ends, [wait for wait in alert["dropped"] if wait["official"] not in alert["told"]])

    def wait(self, alert: Dict, occasion: str, official: str, role: str, part: Any) -> Dict:
        severity = self.rules[alert["rule"]].get("severity", "warning")
        made = {
            "alert": alert, "occasion": occasion, "official": official, "role": role, "part": part, "why": None,
            "until": None, "digest": None, "late": False, "skip": None, "severity": severity,
        }  # fmt: skip
        self.waits.append(made)
        return made

    def order(self, wait: Dict) -> tuple[str, str, str, int]:
        return wait["alert"]["rule"], wait["alert"]["region"], wait["official"], wait["alert"]["episode"]

    def judge(self, waits: list[Dict], never: list[Dict] | None = None) -> None:
        todo = [(wait, False) for wait in self.place(waits)] + [(wait, True) for wait in never or []]
        for wait, dropped in sorted(todo, key=lambda each: self.order(each[0])):
            if dropped:
                self.held(wait, "never_told")
            elif not self.hold(wait, gathers=True):
                self.send([wait])

    def place(self, waits: list[Dict]) -> list[Dict]:
        """Replace who is not in office any more, and let each address be used once."""
        placed = []
        for wait in sorted(waits, key=self.order):
            alert = wait["alert"]
            if wait["occasion"] == "recovered":
                if self.official(wait["official"]):
                    placed.append(wait)
                else:
                    self.forget(wait)
                continue
            holders = self.holders_told(alert, wait["role"], wait["occasion"], wait["part"])
            if wait["official"] in holders:
                placed.append(wait)
                continue
            self.forget(wait)
            self.count_from_now(wait)
            others = [official for official in holders if not self.reached(alert, official)]
            placed += [self.wait(alert, wait["occasion"], other, wait["role"], wait["part"]) for other in others]
        placed.sort(key=self.order)
        new = [wait for wait in placed if wait["skip"] is None]
        for wait in new:
            lesser = [
                other["official"] for other in new
                if other["alert"] is wait["alert"] and other["occasion"] == wait["occasion"]
                and other["official"] < wait["official"]
            ]  # fmt: skip
            wait["skip"] = [address for official in lesser for address in self.addresses(official)]
        for wait in [w for w in placed if not set(self.addresses(w["official"])) - set(w["skip"])]:
            self.forget(wait)
            placed.remove(wait)
        return placed

    def addresses(self, official: str) -> list[str]:
        known = self.official(official)
        return [f"{each['kind']}:{each['address']}" for each in known["channels"]] if known else []

    def muted(self, alert: Dict) -> bool:
        rule = self.rules[alert["rule"]]
        above = up(alert["region"])[1:] if str(rule.get("muted_by_above", "false")) == "true" else []
        return any(self.firing(rule["id"], place) for place in above) or any(
            self.firing(other, alert["region"]) for other in rule.get("muted_by", [])
        )

    def silenced(self, alert: Dict) -> bool:
        return any(
            instant(silence["until"]) > self.now
            and (silence["rules"] is None or alert["rule"] in silence["rules"])
            and any(place in silence["regions"] for place in up(alert["region"]))
            for silence in self.silences.values()
        )

    def quiet_until(self, id_: str) -> datetime | None:
        official = self.official(id_)
        hours = official.get("quiet_hours") if official else None
        if not official or not hours or hours["from"] == hours["to"]:
            return None
        clock = wall(self.now, official["region"])
        shown = clock.strftime("%H:%M")
        start, end = hours["from"], hours["to"]
        if not (start <= shown < end if start < end else shown >= start or shown < end):
            return None
        over = clock.replace(hour=int(end[:2]), minute=int(end[3:]), second=0, microsecond=0)
        return self.now + (over - clock if over > clock else over + timedelta(days=1) - clock)

    def hold(self, wait: Dict, gathers: bool) -> bool:
        alert, raised = wait["alert"], wait["occasion"] == "raised"
        rule = self.rules.get(alert["rule"])
        severity = rule.get("severity", "warning") if rule else wait["severity"]
        if raised and self.muted(alert):
            return self.held(wait, "muted")
        if wait["occasion"] != "recovered" and self.silenced(alert):
            if wait["occasion"] == "repeated":
                self.forget(wait)
                self.count_from_now(wait)
            return self.held(wait, "silenced")
        if severity != "critical" and (until := self.quiet_until(wait["official"])):
            wait["until"] = until
            return self.held(wait, "quiet_hours")
        if gathers and raised and rule and duration(rule.get("group_wait", "30s")):
            open_ = [
                w["digest"] for w in self.waits
                if w["why"] == "grouped" and not w["late"] and w["official"] == wait["official"]
                and w["alert"]["rule"] == alert["rule"] and w is not wait
            ]  # fmt: skip
            wait["late"] = False
            wait["digest"] = open_[0] if open_ else self.now + duration(rule.get("group_wait", "30s"))
            return self.held(wait, "grouped")
        return False

    def held(self, wait: Dict, reason: str) -> bool:
        wait["why"] = reason
        alert = wait["alert"]
        line = {"at": text(self.now), "what": "held", "reason": reason, "official": wait["official"]}
        line |= {"occasion": wait["occasion"], "rule": alert["rule"], "region": alert["region"]}
        self.lines.append(line | {"episode": alert["episode"]})
        return True

    def forget(self, wait: Dict) -> None:
        self.waits = [each for each in self.waits if each is not wait]

    def count_from_now(self, wait: Dict) -> None:
        if wait["official"] in wait["alert"]["told"]:
            wait["alert"]["told"][wait["official"]]["last"] = self.now

    def send(self, waits: list[Dict]) -> None:
        """Write a message for each channel, and note who was told."""
        official, occasion = waits[0]["official"], waits[0]["occasion"]
        for address in dict.fromkeys(self.addresses(official)):
            alerts = [wait["alert"] for wait in waits if address not in wait["skip"]]
            if alerts:
                self.lines.append(self.message(official, address, occasion, alerts))
        for wait in waits:
            self.forget(wait)
            if occasion != "recovered":
                told = wait["alert"]["told"].setdefault(official, {"role": wait["role"]})
                told["last"] = self.now

    def message(self, official: str, address: str, occasion: str, alerts: list[Dict]) -> Dict:
        named = []
        for alert in alerts:
            entry = {name: alert[name] for name in ("rule", "region", "episode")}
            named.append(entry | ({"because": "potential"} if alert["potential"] and occasion == "raised" else {}))
        ids = sorted(str(uuid.uuid5(SPACE, f"{a['rule']}/{a['region']}/{a['episode']}")) for a in alerts)
        name = f"{official}/{address}/{occasion}/{text(self.now)}/{','.join(ids)}"
        return {
            "at": text(self.now), "what": "message", "official": official, "channel": address, "occasion": occasion,
            "alerts": named, "id": str(uuid.uuid5(SPACE, name)),
        }  # fmt: skip

    def ack(self, ack: Dict) -> None:
        alert = self.firing(ack["rule"], ack["region"])
        if alert is None or alert["acked"]:
            return
        alert["acked"] = True
        for wait in sorted(self.waits, key=self.order):
            if wait["alert"] is alert and wait["occasion"] in ("escalated", "repeated"):
                self.forget(wait)
                self.held(wait, "acknowledged")
