"""Adds changes up from their places to the nation: once for each flush, not once for each change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from services.coverage.counting.domain.counters import Sum, Tally
from services.coverage.counting.domain.flows import Flows, add_flow, add_flows, add_movement, flow_code
from services.coverage.counting.domain.movements import (
    ARRIVALS,
    MOVED,
    MOVES,
    MovementKey,
    Step,
    StepKey,
    lineage,
    seen,
)
from shared.regions.codes import NATION, PROVINCE_CODE, REGENCY_CODE

Movements = dict[MovementKey, int]


class Rollup:
    """A sum as each region sees it.

    `places` holds the tally of each place itself; `above` holds regencies, provinces and the nation with everything
    below them. `steps` are by regency; `movements` are those of provinces and the nation. A district's `flows` are its
    own people's and the moves it sees; the rest of its flows is the sum of its villages'. Flows before `flows_from`
    are left out, since no window shows them.
    """

    def __init__(self, added: Sum, flows_from: date = date.min) -> None:
        self.places: defaultdict[str, Tally] = defaultdict(Tally)
        self.above: defaultdict[str, Tally] = defaultdict(Tally)
        self.steps: defaultdict[str, list[tuple[StepKey, int]]] = defaultdict(list)
        self.movements: defaultdict[str, Movements] = defaultdict(dict)
        self.flows: defaultdict[str, Flows] = defaultdict(dict)
        self._flows_from = flows_from
        self._count(added)
        self._sum_up()
        self._file(added)

    def _count(self, added: Sum) -> None:
        """Count people, lapses and times of recording at the places themselves and in their regencies."""
        at_places, in_regencies = _counts(), _counts()
        for (_, _, kind, origin, before, target, after), people in added.steps.items():
            if before is not None and origin is not None:
                at_places[origin][before] -= people
                in_regencies[origin[:REGENCY_CODE]][before] -= people
            if after is not None and target is not None:
                at_places[target][after] += people
                in_regencies[target[:REGENCY_CODE]][after] += people
                if kind in ARRIVALS:
                    self.places[target].arrivals += people
                    self.above[target[:REGENCY_CODE]].arrivals += people
        for tallies, counts in ((self.places, at_places), (self.above, in_regencies)):
            for region, people_by_profile in counts.items():
                tallies[region].people = people_by_profile
        for (place, lapse), people in added.lapses.items():
            if people:
                self.places[place].lapses[lapse] = people
                lapses = self.above[place[:REGENCY_CODE]].lapses
                lapses[lapse] = lapses.get(lapse, 0) + people
        for (place, source), recorded_at in added.last_recorded.items():
            self.places[place].note_recorded(source, recorded_at)
            self.above[place[:REGENCY_CODE]].note_recorded(source, recorded_at)

    def _sum_up(self) -> None:
        """Add regencies up by province, and provinces to the nation."""
        regencies = list(self.above.items())
        for code, tally in regencies:
            if code in self.places:
                tally.placed_here, tally.placed_here_active = self.places[code].registered, self.places[code].active
            self.above[code[:PROVINCE_CODE]].add(tally.as_below())
        for code in {code[:PROVINCE_CODE] for code, _ in regencies}:
            self.above[NATION].add(self.above[code])

    def _file(self, added: Sum) -> None:
        """File each step with its regency, as a movement with its province, and as a flow."""
        staying, above = defaultdict[str, Flows](dict), defaultdict[str, Flows](dict)
        for step, people in added.steps.items():
            if not people:
                continue
            effective, recorded, kind, origin, before, target, after = step
            held = (target if after else origin) or ""
            self.steps[held[:REGENCY_CODE]].append((step, people))
            if kind == MOVED:
                self._move(Step(*step), people)
                continue
            movements, key = self.movements[held[:PROVINCE_CODE]], (effective, recorded, kind, before, after)
            movements[key] = movements.get(key, 0) + people
            if effective >= self._flows_from and (code := flow_code(kind, before, after)) is not None:
                add_flow(staying[held], code, effective.toordinal(), people)
                add_flow(above[held[:REGENCY_CODE]], code, effective.toordinal(), people)
        self._sum_movements()
        self._sum_flows(staying, above)

    def _move(self, step: Step, people: int) -> None:
        """File a move with every region it touches, as that region sees it."""
        ours = {region for place in (step.origin, step.target) if place for region in lineage(place)}
        for region in ours:
            if (movement := seen(step, region)) is None:
                continue
            if len(region) <= PROVINCE_CODE:
                movements, key = self.movements[region], movement[:5]
                movements[key] = movements.get(key, 0) + people
            if movement.effective_day >= self._flows_from:
                add_movement(self.flows[region], movement, people)

    def _sum_movements(self) -> None:
        """Add the provinces' movements to the nation, except moves: the nation sees those in another way."""
        nation = self.movements[NATION]
        for region, movements in self.movements.items():
            if region != NATION:
                for key, people in movements.items():
                    if key[2] not in MOVES:
                        nation[key] = nation.get(key, 0) + people

    def _sum_flows(self, staying: Mapping[str, Flows], above: defaultdict[str, Flows]) -> None:
        """Add up the flows that are no moves, by province and nation."""
        for regency, flows in list(above.items()):
            add_flows(above[regency[:PROVINCE_CODE]], flows)
        for province in {code[:PROVINCE_CODE] for code in staying}:
            add_flows(above[NATION], above[province])
        for region, flows in {**staying, **above}.items():
            if region in self.flows:
                add_flows(self.flows[region], flows)
            else:
                self.flows[region] = flows


def _counts() -> defaultdict[str, defaultdict[str, int]]:
    return defaultdict(lambda: defaultdict(int))
