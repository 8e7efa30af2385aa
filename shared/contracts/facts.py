"""Facts that upstream systems send, as CloudEvents 1.0 (`cakupan.<type>.v1`).

The models check the shape. The registry (`services/registry/intake/parsing.py`) decides which refusal comes first, and
checks what needs the region list or earlier facts.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any, Final, Literal, Union

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    create_model,
    model_validator,
)
from pydantic_core import PydanticCustomError

Segment = Literal["PU", "BPU", "JAKON", "PMI"]
Group = Literal["vulnerable", "village_official", "non_asn", "election_officer"]
Payer = Literal["self", "employer", "apbd_province", "apbd_regency", "village_fund", "csr"]
Programme = Literal["JKK", "JKM", "JHT", "JP", "JKP"]
Scheme = Literal["nik", "kpj", "passport"]

MAX_FACT_BYTES: Final = 64 * 1024
"""CloudEvents promises that intermediaries forward events of this size."""
EARLIEST: Final = datetime(1977, 12, 5, tzinfo=timezone(timedelta(hours=7))).astimezone(UTC)
"""The day on which the programme's first body was founded (PP 33/1977); no fact can be older."""
FURTHEST_AHEAD: Final = timedelta(days=366)
"""A year of planned changes; a later time is more likely a typing error."""

_WIB: Final = timezone(timedelta(hours=7))
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_IDENTITY: Final = {
    "nik": re.compile(r"\d{16}", re.ASCII),
    "kpj": re.compile(r"\d{11}", re.ASCII),
    # Checked before it is made upper case: letters of other alphabets may have capitals in ASCII.
    "passport": re.compile(r"[A-Za-z0-9]{5,20}", re.ASCII),
}
_SPREADSHEET_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)?E\+?\d+|\d+[.,]0+", re.ASCII | re.IGNORECASE)
"""1,71E+15 or 1710000000000000.0: what a spreadsheet makes of an identity."""
_SPREADSHEET_DATE: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?|[A-Za-z]{3,9}[- ]\d{2,4}|\d{1,2}/(?:\d{1,2}/)?\d{2,4}", re.ASCII
)
"""2023-11-01 00:00:00, Nov-23 or 11/2023: what a spreadsheet makes of a month."""
AS_TEXT: Final = "format the column as text and export it again"
"""What to do about a value that a spreadsheet changed."""
_DAY_OFFSET_FOR_WOMEN: Final = 40
"""The NIK of a woman has 40 added to the day of birth."""


def parse_instant(value: Any, info: ValidationInfo) -> datetime:
    return instant_of(value, (info.context or {}).get("now") or datetime.now(UTC))


def instant_of(value: Any, now: datetime) -> datetime:
    """Return the instant in UTC, cut to milliseconds; a date alone is 00:00 WIB.

    Raises: `malformed_field` without an offset, `time_out_of_range` outside the accepted span, which depends on `now`.
    """
    if isinstance(value, datetime):
        instant = value
    elif isinstance(value, str) and _INSTANT.fullmatch(value):
        instant = _from_iso(value.upper())
    elif isinstance(value, str) and _DATE.fullmatch(value):
        instant = _from_iso(value).replace(tzinfo=_WIB)
    else:
        raise PydanticCustomError(
            "malformed_field", "must be an instant with an offset (2023-09-30T08:00:00+08:00) or a date"
        )
    try:
        instant = instant.astimezone(UTC)
    except OverflowError as error:
        raise _out_of_range() from error
    if instant < EARLIEST or instant > now + FURTHEST_AHEAD:
        raise _out_of_range()
    return cut(instant)


def _out_of_range() -> PydanticCustomError:
    return PydanticCustomError("time_out_of_range", "must lie between 1977-12-05 and 366 days from now")


def cut(instant: datetime) -> datetime:
    """Return the instant cut to milliseconds, the precision of MongoDB."""
    over = instant.microsecond % 1000
    return instant - timedelta(microseconds=over) if over else instant


def _from_iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise PydanticCustomError("malformed_field", "is not a real date and time") from error


def _parse_month(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-(?:0[1-9]|1[0-2])", value, re.ASCII) and value >= "0001":
        return value
    if isinstance(value, str) and _SPREADSHEET_DATE.fullmatch(value):
        raise PydanticCustomError("malformed_field", f"is a date of a spreadsheet, not a month (2023-12); {AS_TEXT}")
    raise PydanticCustomError("malformed_field", "must be a month such as 2023-12")


Instant = Annotated[
    datetime,
    BeforeValidator(parse_instant),
    WithJsonSchema(
        {
            "type": "string",
            "description": "When it took effect: an instant with its offset, or a date alone (00:00 WIB).",
            "examples": ["2023-09-30T08:00:00+08:00", "2023-09-30"],
        }
    ),
]
Month = Annotated[
    str,
    BeforeValidator(_parse_month),
    Field(description="A month, YYYY-MM.", json_schema_extra={"pattern": r"^\d{4}-(0[1-9]|1[0-2])$"}),
]
RegionCode = Annotated[
    str,
    Field(
        description="Kemendagri code of a regency, district or village, with dots.",
        examples=["63.10.03.2004"],
        json_schema_extra={"pattern": r"^\d{2}\.\d{2}(\.\d{2}(\.\d{4})?)?$"},
    ),
]
Name = Annotated[str, Field(min_length=1, max_length=512)]
_PRINTABLE: Final = (
    r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$"  # for Rust, Python and ECMAScript
)
Key = Annotated[
    str,
    Field(
        min_length=1, max_length=512, pattern=_PRINTABLE,
        description="No control characters, no blank at either end. Otherwise it is compared as sent.",
    ),
]  # fmt: skip


def _without_null(schema: dict[str, Any]) -> None:
    """Remove null from the JSON Schema: senders leave an optional field out and never send null."""
    for prop in schema.get("properties", {}).values():
        choices = [choice for choice in prop.pop("anyOf", []) if choice != {"type": "null"}]
        if choices:
            prop.update(choices[0])
            prop.pop("default", None)


RECLASSIFIABLE: Final = ("segment", "groups", "payer", "programmes")
"""A `reclassified` names at least one of these."""


def _one_named(schema: dict[str, Any]) -> None:
    _without_null(schema)
    schema["anyOf"] = [{"required": [name]} for name in RECLASSIFIABLE]


def _void_or_replaced(schema: dict[str, Any]) -> None:
    _without_null(schema)
    schema["oneOf"] = [{"required": ["void"]}, {"required": ["replacement"]}]


class _Shape(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, json_schema_extra=_without_null, hide_input_in_errors=True
    )


class Identity(_Shape):
    """Identity of a person. `nik`: 16 digits; `kpj`: 11 digits, a card linked before; `passport`: 5–20 characters."""

    scheme: Scheme
    value: str = Field(repr=False)

    @model_validator(mode="after")
    def _well_formed(self) -> Identity:
        check_identity(self.scheme, self.value)
        return self


def check_identity(scheme: str, value: str) -> None:
    """Raise `malformed_identity` where the value is none of this scheme."""
    if not _IDENTITY[scheme].fullmatch(value):
        if _SPREADSHEET_NUMBER.fullmatch(value):
            raise PydanticCustomError("malformed_identity", f"was turned into a number by a spreadsheet; {AS_TEXT}")
        if scheme == "kpj" and re.fullmatch(r"\d{7,10}", value, re.ASCII):
            raise PydanticCustomError(
                "malformed_identity", f"is no kpj of 11 digits; where a spreadsheet dropped zeros, {AS_TEXT}"
            )
        raise PydanticCustomError("malformed_identity", f"is not a well-formed {scheme}")
    if scheme == "nik" and not _holds_a_date(value):
        raise PydanticCustomError("malformed_identity", "digits 7–12 of the nik are not a date of birth")


def canonical(scheme: str, value: str) -> str:
    """Return the value for comparison: a passport in capitals, others unchanged."""
    return value.upper() if scheme == "passport" else value


def _holds_a_date(nik: str) -> bool:
    """Say whether digits 7–12 (DDMMYY, day + 40 for women) are a real date in either century."""
    day, month, year = int(nik[6:8]), int(nik[8:10]), int(nik[10:12])
    day -= _DAY_OFFSET_FOR_WOMEN if day > _DAY_OFFSET_FOR_WOMEN else 0
    for century in (1900, 2000):
        try:
            date(century + year, month, day)
        except ValueError:
            continue
        return True
    return False


def refuse_null(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("malformed_field", "must not be null; leave the field out instead")
    return value


class EnrolledData(_Shape):
    """A person enrols. If already enrolled, the person's attributes become these."""

    identity: Identity
    region: RegionCode
    segment: Segment
    groups: list[Group] = Field(
        default_factory=list, description="Left out and empty are the same content.", json_schema_extra={"default": []}
    )
    payer: Annotated[Payer | None, BeforeValidator(refuse_null)] = None
    programmes: list[Programme] = Field(default_factory=list, json_schema_extra={"default": ["JKK", "JKM"]})
    paid_through: Annotated[Month | None, BeforeValidator(refuse_null)] = None


class ContributionPaidData(_Shape):
    """A payment for all months up to `paid_through`."""

    identity: Identity
    paid_through: Month
    payer: Annotated[Payer | None, BeforeValidator(refuse_null)] = None


class RelocatedData(_Shape):
    """The person moves to another region."""

    identity: Identity
    region: RegionCode


class ReclassifiedData(_Shape):
    """One or more of segment, groups, payer and programmes change."""

    model_config = ConfigDict(json_schema_extra=_one_named)

    identity: Identity
    segment: Annotated[Segment | None, BeforeValidator(refuse_null)] = None
    groups: Annotated[list[Group] | None, BeforeValidator(refuse_null)] = None
    payer: Annotated[Payer | None, BeforeValidator(refuse_null)] = None
    programmes: Annotated[list[Programme] | None, BeforeValidator(refuse_null)] = None


class EndedData(_Shape):
    """The person leaves: death, emigration, left the labour force. All cards of the person end."""

    identity: Identity
    reason: Annotated[str | None, BeforeValidator(refuse_null)] = None


class LinkedData(_Shape):
    """Two identities belong to one person."""

    identity: Identity
    other: Identity


class Replacement(_Shape):
    """Replaces the corrected fact. `data` has the shape of that fact's type; without `time` its time is kept."""

    data: dict[str, Any]
    time: Annotated[Instant | None, BeforeValidator(refuse_null)] = None


class CorrectedData(_Shape):
    """Makes another fact of this source void, or replaces it."""

    model_config = ConfigDict(json_schema_extra=_void_or_replaced)

    corrects: Name
    type: str
    void: Annotated[Literal[True] | None, BeforeValidator(refuse_null)] = None
    replacement: Annotated[Replacement | None, BeforeValidator(refuse_null)] = None


class Envelope(BaseModel):
    """CloudEvents attributes. Extensions (names of small letters and digits) are allowed and ignored.

    An attribute that is null is not set. The source "clock" is the registry's own.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, hide_input_in_errors=True)

    specversion: Literal["1.0"]
    id: Key
    source: Key
    type: str
    time: Instant
    data: Any


def _fact(name: str, data: type[_Shape]) -> type[Envelope]:
    """Return the model of the whole fact: an envelope of this type with this data."""
    wire_type: Any = Literal[f"cakupan.{name}.v1"]
    model_name = data.__name__.removesuffix("Data") + "Fact"
    return create_model(model_name, __base__=Envelope, type=(wire_type, ...), data=(data, ...))


_DATA: Final[dict[str, type[_Shape]]] = {
    "enrolled": EnrolledData,
    "contribution_paid": ContributionPaidData,
    "relocated": RelocatedData,
    "reclassified": ReclassifiedData,
    "ended": EndedData,
    "linked": LinkedData,
    "corrected": CorrectedData,
}
TYPES: Final = {f"cakupan.{name}.v1": _fact(name, data) for name, data in _DATA.items()}
"""Event type on the wire → model of the whole fact."""
Fact: Any = Union[tuple(TYPES.values())]  # noqa: UP007 - made of a table
