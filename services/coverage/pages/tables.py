"""The tables of pages as files hold them: the same rows in the same order, with the same gaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import unescape
from typing import Any, Final

from services.coverage.pages.formats import LANGUAGES, Language
from services.coverage.pages.region import Lead, change
from services.coverage.pages.words import WORDS
from services.coverage.public.domain.release import PublicBoard, PublicRegion, Shown
from services.coverage.public.ports import Release
from services.coverage.reading.monev import shown as people
from services.coverage.reading.tables import Absent, Cell, Column, Form, Table, row_of
from services.coverage.reference.domain.quota import Village
from shared.contracts.snapshots import Snapshot
from shared.regions.codes import level_of

Columns = Sequence[tuple[str, Form]]
"""Words of the titles, which are the keys as well, and forms."""
_PLACE: Final[Columns] = (("code", "text"), ("name", "text"))
_PEOPLE: Final[Columns] = (
    ("active", "number"),
    ("registered", "number"),
    ("potential", "number"),
    ("coverage", "ratio"),
)
_OFFICIAL: Final[Columns] = (("short_to_target", "number"), ("change_30", "number"), ("due_30", "number"))
_QUOTA: Final[Columns] = (("state", "text"), ("people", "number"), ("required", "number"), ("short", "number"))
_PUBLIC_BOARD: Final[Columns] = tuple((word, "number") for word in ("villages", "met", "zero", "short"))
_DESIGNATION: Final[Columns] = (
    ("state", "text"), ("officials_active", "number"), ("roster", "number"), ("designated_on", "date"),
)  # fmt: skip


def say(word: str, language: Language, **parts: object) -> str:
    """Return words of the catalogue as plain text."""
    return unescape(WORDS[word][LANGUAGES.index(language)]).format(**parts)


def table(
    name: str,
    columns: Columns,
    rows: Iterable[Mapping[str, Cell]],
    about: Sequence[tuple[str, str]],
    language: Language,
) -> Table:
    """Return a table of rows whose cells go by the words of the titles."""
    titled = [Column(word, say(word, language), form) for word, form in columns]
    return Table(name, titled, [row_of(titled, row) for row in rows], about, language)


def about(shown: Any, when: str, link: str, language: Language) -> list[tuple[str, str]]:
    """Return the notes that every file has: the region, the days, where the page is."""
    return [
        (say("region", language), f"{shown.name} ({shown.region})"),
        (say("days", language), when),
        (say("link", language), link),
    ]


def children(
    shown: Any, rows: Sequence[tuple[Any, Lead]], notes: Sequence[tuple[str, str]], language: Language, *,
    release: Release | None, is_whole: bool,
) -> Table:  # fmt: skip
    """Return the regions below one, and its unplaced people if all are there."""
    columns: Columns = (*_PLACE, *_PEOPLE, *(() if release else _OFFICIAL))
    listed: list[Mapping[str, Cell]] = [_place(one.region, one.name) | _of(one, lead) for one, lead in rows]
    if is_whole and shown.unplaced.registered != 0:
        unplaced = {"active": people(shown.unplaced.active), "registered": people(shown.unplaced.registered)}
        listed.append({"name": say("unplaced", language), **unplaced})
    potentials = sorted(
        {
            f"{potential.source}: {potential.definition} ({potential.valid_from}, v{potential.version})"
            for one, _ in rows for potential in getattr(one, "potential", {}).values()
        }
    )  # fmt: skip
    sources = [(say("source", language), one) for one in potentials]
    title = say(f"children_of_{level_of(shown.region)}", language)
    return table(f"{title[:18]} {shown.region}", columns, listed, [*notes, *sources], language)


def quota(
    region: str, villages: Sequence[Village], names: Mapping[str, str], notes: Sequence[tuple[str, str]],
    language: Language,
) -> Table:  # fmt: skip
    """Return villages beside their quota."""
    rows = [
        _place(one.region, names[one.region])
        | {
            "state": say("met" if one.passes else "zero" if one.people == 0 else "not_met", language),
            "people": one.people, "required": one.required, "short": one.people_short,
        }
        for one in villages
    ]  # fmt: skip
    return table(f"{say('quota', language)} {region}", (*_PLACE, *_QUOTA), rows, notes, language)


def designations(
    region: str, villages: Sequence[Snapshot], notes: Sequence[tuple[str, str]], language: Language
) -> Table:
    """Return villages with their state in Desa Sadar."""
    rows: list[Mapping[str, Cell]] = []
    for one in villages:
        found = one.designation
        assert found is not None, "only villages with a roster or a decree are listed"
        state = {"state": say(f"state_{found.state}", language), "officials_active": found.active_officials}
        rows.append(
            {**_place(one.region, one.name), **state, "roster": found.roster, "designated_on": found.designated_on}
        )
    return table(f"Desa Sadar {region}", (*_PLACE, *_DESIGNATION), rows, notes, language)


def public_quota(
    shown: Shown, below: Sequence[Shown], group: str | None, notes: Sequence[tuple[str, str]], language: Language
) -> Table:
    """Return the boards of the regions below: how many villages of each, or whether all of it meet the quota."""
    boards = [(one, board) for one in below for board in one.quota if board.group == group]
    rows: list[Mapping[str, Cell]] = []
    for one, board in boards:
        if isinstance(board, PublicBoard):
            counts = {"met": board.passing, "zero": board.at_zero, "short": board.gap}
            cells: dict[str, Cell] = {"villages": board.villages} | {name: people(n) for name, n in counts.items()}
        else:
            met = None if board.met is None else say("met" if board.met else "not_met", language)
            cells = {"state": Absent.HIDDEN if met is None else met}
        rows.append(_place(one.region, one.name) | cells)
    has_counts = isinstance(shown, PublicRegion) and level_of(shown.region) != "regency"
    columns = (*_PLACE, *(_PUBLIC_BOARD if has_counts else _QUOTA[:1]))
    return table(f"{say('quota', language)} {shown.region}", columns, rows, notes, language)


def public_designations(
    shown: Shown, below: Sequence[Shown], notes: Sequence[tuple[str, str]], language: Language
) -> Table:
    """Return how many villages of the regions below are designated, or of a district which ones."""
    rows: list[Mapping[str, Cell]] = []
    for one in below:
        if (found := one.designation) is not None:
            cell: Cell = found.villages
            if found.designated is not None:
                cell = say("state_designated" if found.designated else "not_designated", language)
            rows.append(
                _place(one.region, one.name) | {"state" if level_of(one.region) == "village" else "designated": cell}
            )
    column: Columns = (("state", "text"),) if level_of(shown.region) == "district" else (("designated", "number"),)
    return table(f"Desa Sadar {shown.region}", (*_PLACE, *column), rows, notes, language)


def due(
    region: str, payers: Sequence[str], rows: Sequence[tuple[str, str, Mapping[str, int]]],
    notes: Sequence[tuple[str, str]], language: Language,
) -> Table:  # fmt: skip
    """Return who lapses: a row a place (code, name, people by payer), a column a payer."""
    columns: Columns = (*_PLACE, *((f"payer_{payer}", "number") for payer in payers), ("total", "number"))
    listed = [
        _place(code, name)
        | {f"payer_{payer}": found.get(payer, 0) for payer in payers}
        | {"total": sum(found.values())}
        for code, name, found in rows
    ]
    return table(f"{say('due', language)} {region}", columns, listed, notes, language)


def history(
    region: str, points: Iterable[tuple[Any, Any]], notes: Sequence[tuple[str, str]], language: Language
) -> Table:
    """Return a region by day, newest first; each point is a day and what has people and coverage."""
    rows = [{"date": day} | _people(one.active, one.registered, one.coverage.active) for day, one in points]
    return table(f"{say('history', language)} {region}", (("date", "date"), *_PEOPLE), rows, notes, language)


def _place(code: str, name: str) -> dict[str, Cell]:
    return {"code": code, "name": name}


def _of(one: Any, lead: Lead) -> dict[str, Cell]:
    found = _people(lead.active, lead.registered, lead.coverage.active)
    if isinstance(one, Snapshot):
        found["short_to_target"] = lead.targets[0].people_short if lead.targets else None
        found["change_30"] = change(one)
        found["due_30"] = sum(one.due["30d"].values()) if one.due else None
    return found


def _people(active: int | None, registered: int | None, ratio: Any) -> dict[str, Cell]:
    """Return counts and coverage; a ratio is hidden with its numerator, and there is none to a denominator of 0."""
    potential: Cell = Absent.NO_POTENTIAL if ratio is None else ratio.denominator
    coverage: Cell = Absent.NO_POTENTIAL if ratio is None else ratio.ratio
    if ratio is not None and ratio.numerator is None:
        coverage = Absent.HIDDEN
    return {"active": people(active), "registered": people(registered), "potential": potential, "coverage": coverage}
