"""Reads rules and officials from YAML files. A file with errors is refused, and each error is named."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from services.notifier.domain.officials import Language, Official, Role, ZoneName
from services.notifier.domain.rules import Direction, Measure, Rule, Severity
from shared.contracts.snapshots import Window
from shared.regions.codes import Level
from shared.runtime.errors import PermanentError

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SLUG: Final = r"^[a-z0-9][a-z0-9-]{0,62}$"
_ADDRESS: Final = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+$"

IsRegion = Callable[[str], bool]
T = TypeVar("T", bound=BaseModel)
E = TypeVar("E", "RuleEntry", "OfficialEntry")


def _duration(value: object) -> object:
    """Parse 30m as half an hour; refuse a number without a unit."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("write a number and its unit: 0s, 90s, 30m, 2h, 1d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _positive(value: Decimal) -> Decimal:
    if not value.is_finite() or value <= 0:
        raise ValueError("write a ratio over 0, such as 0.40 for 40 %")
    return value


def _known(code: str, info: ValidationInfo) -> str:
    if not (info.context or {})["is_region"](code):
        raise ValueError("no region has this code; write a Kemendagri code in quotes, or ID")
    return code


def _unique(entries: tuple[E, ...]) -> tuple[E, ...]:
    ids = [entry.id for entry in entries]
    if repeated := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
        raise ValueError(f"{', '.join(repeated)}, id: it is there twice; give each its own")
    return entries


Region = Annotated[str, AfterValidator(_known)]
Ratio = Annotated[Decimal, AfterValidator(_positive)]
Slug = Annotated[str, Field(pattern=_SLUG)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RuleEntry(_Entry):
    """A rule in the file."""

    id: Slug
    title: dict[Language, str]
    levels: frozenset[Level] = frozenset()
    regions: frozenset[Region] = frozenset()
    measure: Measure
    direction: Direction
    raise_at: Ratio | None = None
    clear_below: Ratio | None = None
    raise_below: Ratio | None = None
    clear_above: Ratio | None = None
    next_milestone: Ratio | None = None
    hold_for: Annotated[timedelta, BeforeValidator(_duration)] = timedelta()
    window: Window = "7d"
    severity: Severity
    hears: Annotated[tuple[Role, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> RuleEntry:
        if missing := {"id", "en"} - self.title.keys():
            raise ValueError(f"title: write it in every language; {', '.join(sorted(missing))} is missing")
        if not self.levels and not self.regions:
            raise ValueError("levels, regions: name at least one of the two")
        self._band()
        return self

    def _band(self) -> tuple[Decimal, Decimal]:
        """Return the levels that raise and clear."""
        above = self.direction is Direction.ABOVE
        names = ("raise_at", "clear_below") if above else ("raise_below", "clear_above")
        others = (self.raise_below, self.clear_above) if above else (self.raise_at, self.clear_below)
        raised, cleared = (self.raise_at, self.clear_below) if above else (self.raise_below, self.clear_above)
        if raised is None or cleared is None or any(other is not None for other in others):
            raise ValueError(f"direction {self.direction.value}: give {names[0]} and {names[1]}, and no other level")
        if (cleared >= raised) if above else (raised >= cleared):
            raise ValueError(f"{names[1]}: it must lie {'under' if above else 'over'} {names[0]}, {raised}")
        return raised, cleared

    def read(self) -> Rule:
        """Return the rule."""
        raised, cleared = self._band()
        return Rule(
            self.id, self.title, self.levels, self.regions, self.measure, self.direction, raised, cleared,
            self.hold_for, self.window, self.severity, self.hears, self.next_milestone,
        )  # fmt: skip


class OfficialEntry(_Entry):
    """An official in the file."""

    id: Slug
    name: Annotated[str, Field(min_length=1)]
    role: Role
    region: Region
    email: Annotated[str, Field(pattern=_ADDRESS)]
    language: Language = "id"
    time_zone: ZoneName

    def read(self) -> Official:
        """Return the official."""
        return Official(self.id, self.name, self.role, self.region, self.email, self.language, self.time_zone)


class _RuleFile(_Entry):
    rules: Annotated[tuple[RuleEntry, ...], AfterValidator(_unique)]


class _OfficialFile(_Entry):
    officials: Annotated[tuple[OfficialEntry, ...], AfterValidator(_unique)]


def read_rules(path: Path, is_region: IsRegion) -> dict[str, Rule]:
    """Return the rules of a file by id. Raises: PermanentError naming file, entry, field, value and what to do."""
    return {entry.id: entry.read() for entry in _validated(path, _RuleFile, is_region).rules}


def read_officials(path: Path, is_region: IsRegion) -> dict[str, Official]:
    """Return the officials of a file by id. Raises: PermanentError as above."""
    return {entry.id: entry.read() for entry in _validated(path, _OfficialFile, is_region).officials}


def _validated(path: Path, model: type[T], is_region: IsRegion) -> T:
    document = _load(path)
    try:
        return model.model_validate(document, context={"is_region": is_region})
    except ValidationError as error:
        wrong = "; ".join(_described(dict(found), document) for found in error.errors())
        raise PermanentError(f"{path}: {wrong}; correct the file and start again") from error


def _load(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text())
    except (OSError, ValueError) as error:
        raise PermanentError(f"{path} cannot be read ({error}); name a YAML file in UTF-8") from error
    except yaml.YAMLError as error:
        raise PermanentError(f"{path} is no YAML: {' '.join(str(error).split())}") from error


def _described(found: dict[str, Any], document: Any) -> str:
    """Describe one error: entry, field, value and what is wrong."""
    place: list[str | int] = list(found["loc"])
    entry = ""
    if len(place) > 1 and isinstance(place[1], int):
        values = document[place[0]][place[1]]
        named = values.get("id") if isinstance(values, dict) else None
        entry = f"{place[0]} entry {named or place[1] + 1}"
        del place[:2]
    field = ".".join(map(str, place))
    shown = found["type"] != "missing" and not isinstance(found["input"], dict | tuple)
    value = f" = {found['input']!r}" if shown else ""
    where = ", ".join(part for part in (entry, field) if part) or "the file"
    return f"{where}{value}: {found['msg'].removeprefix('Value error, ')}"
