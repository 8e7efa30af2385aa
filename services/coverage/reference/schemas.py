"""The rows of files of reference data, one model a kind: its columns, what a row states, and how it is listed again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date as day
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationInfo,
    model_validator,
)

from services.coverage.reference.domain.desa_sadar import DESIGNATED, DESIGNATIONS, YEARS_QUOTA
from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.quota import QUOTAS, Quota
from services.coverage.reference.domain.reference import ReferenceKind, Statement
from services.coverage.reference.domain.sources import SOURCES, Feed
from services.coverage.reference.domain.targets import TARGETS, PathPoint, TargetPath
from services.coverage.reference.fields import (
    Cadence,
    Day,
    OptionalDay,
    Ratio,
    Region,
    Remark,
    Text,
    VillageKinds,
    Whole,
    fault,
    published,
    shown,
    whole,
)
from shared.contracts.facts import Group
from shared.regions.codes import NATION, level_of

Basis = Literal["workers", "vulnerable", "village_officials"]
Measure = Literal["registered", "active"]
_WITHDRAWN: Final = (None, "", "withdrawn")
AWARDED: Final = "awarded"
AWARDS: Final = ReferenceKind("awards", str)
"""The series is the award's name, the value `AWARDED`."""


class FileRow(BaseModel):
    """One row of a file. A column with a default may be missing in the file.

    `series` names the column that separates the series of a region. `examples` are rows for the OpenAPI document, with
    values in the order of the columns. `listed_schema` has the JSON Schema of fields that are listed differently than
    they are loaded.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: ClassVar[ReferenceKind[Any]]
    series: ClassVar[str]
    examples: ClassVar[tuple[tuple[Any, ...], ...]]
    listed_schema: ClassVar[dict[str, Any]] = {}

    def statement(self) -> Statement[Any]:
        """Return what the row states."""
        row: Any = self
        return Statement(
            self.kind, row.region, self._series(), row.valid_from, self._value(), row.source, row.definition
        )

    def _series(self) -> str:
        return str(getattr(self, self.series))

    def _value(self) -> Any:
        """Return the value that the row states; None withdraws."""
        row: Any = self
        return row.value

    @classmethod
    def listed(cls, statement: Statement[Any]) -> dict[str, Any]:
        """Return a statement as the list of what is recorded shows it."""
        dated = {"valid_from": statement.valid_from, "source": statement.source, "definition": statement.definition}
        return {"region": statement.region, **cls._own(statement), **dated}

    @classmethod
    def _own(cls, statement: Statement[Any]) -> dict[str, Any]:
        """Return the fields of the kind: series and value."""
        return {cls.series: statement.series, "value": statement.value}

    @classmethod
    def join(cls, _first: Statement[Any], _second: Statement[Any]) -> Statement[Any]:
        """Return the one statement of two rows with the same region, series, day and source. Raises a fault."""
        first_column = next(iter(cls.model_fields))
        raise fault("repeated_row", "states the same as an earlier row", "keep one of them", first_column)


class PotentialRow(FileRow):
    """Potential workers, the denominators. `value` null withdraws."""

    kind = POTENTIALS
    series = "basis"
    examples = (
        ("11", "workers", "2023-09-01", 1_710_891, "bps/sakernas-2023-02", "people who work, not civil servants"),
    )

    region: Region
    basis: Basis
    valid_from: Day
    value: Whole
    source: Text
    definition: Text


class TargetRow(FileRow):
    """Target paths: a row a point, by date. Neither date nor ratio withdraws the path."""

    kind = TARGETS
    examples = (
        ("11", "workers", "registered", "2023-01-01", "2023-12-31", "0.40", "kemenko-pmk", "universal coverage"),
        ("11", "workers", "registered", "2023-01-01", "2025-12-31", "0.4354", "kemenko-pmk", "universal coverage"),
        ("11", "workers", "registered", "2023-01-01", "2045-12-31", "0.995", "kemenko-pmk", "universal coverage"),
    )
    listed_schema = {
        "points": {
            "type": "array",
            "description": "empty where the path was withdrawn",
            "items": {
                "type": "object",
                "properties": {"date": {"type": "string", "format": "date"}, "ratio": {"type": "string"}},
            },
        }
    }

    region: Region
    basis: Basis
    measure: Measure
    valid_from: Day
    date: OptionalDay
    ratio: Ratio
    source: Text
    definition: Text

    @model_validator(mode="after")
    def _date_and_ratio(self) -> Self:
        if (self.date is None) != (self.ratio is None):
            field, other = ("date", "ratio") if self.date is None else ("ratio", "date")
            raise fault("empty", f"is empty beside a {other}", "state both, or neither to withdraw the path", field)
        return self

    def _series(self) -> str:
        return f"{self.basis} {self.measure}"

    def _value(self) -> TargetPath | None:
        """Return a path of one point; `join` adds the points of the other rows."""
        return None if self.date is None or self.ratio is None else TargetPath((PathPoint(self.date, self.ratio),))

    @classmethod
    def join(cls, first: Statement[TargetPath], second: Statement[TargetPath]) -> Statement[TargetPath]:
        """Return the path with one point more."""
        if first.value is None or second.value is None:
            wrong, fix = "a path is withdrawn and stated at once", "keep its points or the empty row"
            raise fault("repeated_row", wrong, fix, "date")
        if first.definition != second.definition:
            wrong, fix = "a path has one definition", "write the same in each of its rows"
            raise fault("definition_differs", wrong, fix, "date")
        last, point = first.value.points[-1], second.value.points[0]
        if point.on == last.on:
            raise fault("repeated_point", f"the path has a point of {point.on} already", "keep one of them", "date")
        if point.on < last.on:
            wrong, fix = f"{point.on} comes after {last.on} in the file", "sort the path's rows by date"
            raise fault("out_of_order", wrong, fix, "date")
        return replace(first, value=TargetPath((*first.value.points, point)))

    @classmethod
    def _own(cls, statement: Statement[TargetPath]) -> dict[str, Any]:
        """Return the fields of a path; all its points are listed together."""
        basis, _, measure = statement.series.partition(" ")
        points = statement.value.points if statement.value else ()
        listed = [{"date": point.on, "ratio": str(point.ratio)} for point in points]
        return {"basis": basis, "measure": measure, "points": listed}


class QuotaRow(FileRow):
    """Quotas of people of a group in each village.

    A quota of a region holds for all villages in it; the nearest region with one decides alone. Neither count nor
    kinds withdraws.
    """

    kind = QUOTAS
    series = "group"
    examples = (
        ("63.10", "vulnerable", "active", 100, ["desa"], "2023-01-01", "tanah-bumbu", "Satu Desa 100 Pekerja Rentan"),
    )
    listed_schema = {"measure": {"enum": ["registered", "active", None]}}

    region: Region
    group: Group
    measure: Measure
    count: Whole
    kinds: VillageKinds
    valid_from: Day
    source: Text
    definition: Remark = ""

    @model_validator(mode="after")
    def _count_and_kinds(self) -> Self:
        if (self.count is None) != (not self.kinds):
            field, fix = "count" if self.count is None else "kinds", "state both, or neither to withdraw the quota"
            raise fault("empty", "count and kinds belong together", fix, field)
        return self

    def _value(self) -> Quota | None:
        return None if self.count is None else Quota(self.measure, self.count, tuple(sorted(self.kinds or ())))

    @classmethod
    def _own(cls, statement: Statement[Quota]) -> dict[str, Any]:
        fields = {name: statement.value and getattr(statement.value, name) for name in ("measure", "count", "kinds")}
        return {"group": statement.series, **fields}


def _village_or_nation(region: str) -> str:
    if region != NATION and level_of(region) != "village":
        raise fault("no_village", f"{region} is no village", "name a village; ID has a year's quota")
    return region


def _new_year_of_nation(valid_from: day, info: ValidationInfo) -> day:
    if info.data.get("region") == NATION and (valid_from.month, valid_from.day) != (1, 1):
        raise fault("not_new_year", "a year's quota begins on 1 January", "write it as 2019-01-01")
    return valid_from


def _designation(value: object, info: ValidationInfo) -> int | None:
    """Return the nation's number of villages for the year, or 1 for a village that is designated."""
    if value in _WITHDRAWN or "region" not in info.data:
        return None
    if info.data["region"] == NATION:
        return whole(value, text_allowed=True)
    if value != DESIGNATED:
        raise fault("unknown_value", f"{shown(value)} is no state of a village", "write designated or withdrawn")
    return 1


class DesignationRow(FileRow):
    """Villages designated Desa Sadar, `valid_from` being the day of the decree; `withdrawn` or null withdraws.

    At ID the value is how many villages are to be designated in the year that begins.
    """

    kind = DESIGNATIONS
    examples = (
        ("63.10.03.2004", "2018-11-12", DESIGNATED, "bpjs", "an invented decree"),
        (NATION, "2019-01-01", 198, "bpjs", "target of 2019"),
    )

    region: Annotated[Region, AfterValidator(_village_or_nation)]
    valid_from: Annotated[Day, AfterValidator(_new_year_of_nation)]
    value: Annotated[
        int | None,
        BeforeValidator(_designation),
        published(["string", "integer", "null"], "designated or withdrawn; at ID a number of villages"),
    ]
    source: Text
    definition: Remark = ""

    def _series(self) -> str:
        """A village's designation and the nation's yearly number are two series."""
        return YEARS_QUOTA if self.region == NATION else DESIGNATED

    @classmethod
    def _own(cls, statement: Statement[int]) -> dict[str, Any]:
        is_designated = statement.series == DESIGNATED and statement.value is not None
        return {"value": DESIGNATED if is_designated else statement.value}


class AwardRow(FileRow):
    """Awards that a region was given, such as Kabupaten Peduli. `withdrawn` or null withdraws."""

    kind = AWARDS
    series = "name"
    examples = (("35.01", "Kabupaten Peduli", "2023-10-05", AWARDED, "bpjs", "an invented day"),)

    region: Region
    name: Text
    valid_from: Day
    value: Literal["awarded", "", "withdrawn"] | None
    source: Text
    definition: Remark = ""

    def _value(self) -> str | None:
        return None if self.value in _WITHDRAWN else AWARDED


class SourceRow(FileRow):
    """Upstream sources: what each is called, and within how many days something new is expected. Null withdraws."""

    kind = SOURCES
    examples = (("bpjs/aceh", "BPJS Ketenagakerjaan, Aceh", 7, "2023-01-01"),)
    listed_schema = {"name": {"type": ["string", "null"]}}

    source: Text
    name: Text
    cadence_days: Cadence
    valid_from: Day

    def statement(self) -> Statement[Feed]:
        """See above. A source belongs to no region: its row is the nation's."""
        feed = None if self.cadence_days is None else Feed(self.name, self.cadence_days)
        return Statement(self.kind, NATION, self.source, self.valid_from, feed, self.source, "")

    @classmethod
    def listed(cls, statement: Statement[Feed]) -> dict[str, Any]:
        """See above."""
        name, cadence = (statement.value.name, statement.value.cadence_days) if statement.value else (None, None)
        return {"source": statement.series, "name": name, "cadence_days": cadence, "valid_from": statement.valid_from}


_ROWS: Final[tuple[type[FileRow], ...]] = (PotentialRow, TargetRow, QuotaRow, DesignationRow, AwardRow, SourceRow)
KINDS: Final = {row.kind.name: row for row in _ROWS}
"""The model of each kind by its name, in the order in which the OpenAPI document describes them."""
