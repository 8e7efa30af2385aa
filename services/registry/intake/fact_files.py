"""Reads files of facts, rows of CSV or lines of JSON, for the bulk route and the import command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from services.registry.domain.errors import Refusal, RefusalCode
from services.registry.intake.parsing import TOO_LARGE
from shared.adapters.csv_rows import BadRow, UnreadableFileError, rows
from shared.contracts.facts import MAX_FACT_BYTES

COLUMNS: Final = (
    "id", "source", "type", "time", "scheme", "identity", "region", "segment", "groups", "payer", "programmes",
    "paid_through", "reason", "other_scheme", "other_identity",
)  # fmt: skip
"""semantics.md, "CSV"."""
_IN_ENVELOPE: Final = ("id", "source", "time")
_IN_DATA: Final = ("region", "segment", "payer", "paid_through", "reason")
_LISTS: Final = ("groups", "programmes")
_MAYBE_TOO_LARGE: Final = MAX_FACT_BYTES // 6 - 200
"""A character takes at most six bytes of JSON; the names of the fields take under a thousand."""

Document = dict[str, Any]


class FactRow(NamedTuple):
    """The physical line at which a fact begins, and the fact: JSON, a CloudEvent, or the reason why it has none."""

    line: int
    content: bytes | Document | Refusal


def read_ndjson(lines: Iterable[bytes]) -> Iterator[FactRow]:
    """Yield every line that is not blank. Raises: UnreadableFileError where there is none."""
    found = False
    for number, text in enumerate(lines, 1):
        if line := text.strip():
            found = True
            yield FactRow(number, line if len(line) <= MAX_FACT_BYTES else TOO_LARGE)
    if not found:
        raise UnreadableFileError("it holds no fact; check that the export was complete")


def read_csv(lines: Iterable[str]) -> Iterator[FactRow]:
    """Yield every row of a file whose lines come from `csv_rows.text_lines`.

    Raises: UnreadableFileError where the header is not ours or no row follows it.
    """
    for row in rows(lines, COLUMNS, required=("id",), longest=MAX_FACT_BYTES):
        if isinstance(row, BadRow):
            yield FactRow(row.line, Refusal(RefusalCode(row.code), None, row.detail))
        else:
            yield FactRow(row.line, _event(row.cells))


def column_of(field: str | None) -> str | None:
    """Return the column that holds this field of a CloudEvent: `other_scheme` for `data.other.scheme`."""
    if field is None:
        return None
    _, *path = field.split(".")
    if not path:
        return field
    if path[0] not in ("identity", "other"):
        return path[0]
    prefix = "other_" if path[0] == "other" else ""
    return f"{prefix}{'scheme' if path[-1] == 'scheme' else 'identity'}"


def _event(cells: dict[str, str]) -> Document | Refusal:
    """Return the event, or the refusal of one that only JSON can carry or that would be too large as JSON."""
    if cells.get("type") == "corrected":
        return Refusal(RefusalCode.UNKNOWN_TYPE, "type", "corrections come as JSON only")
    data: Document = {name: cells[name] for name in _IN_DATA if name in cells}
    data |= {name: [word.strip() for word in cells[name].split("|")] for name in _LISTS if name in cells}
    for field, prefix in (("identity", ""), ("other", "other_")):
        named = {"scheme": cells.get(f"{prefix}scheme"), "value": cells.get(f"{prefix}identity")}
        if given := {name: value for name, value in named.items() if value is not None}:
            data[field] = given
    envelope: Document = {name: cells[name] for name in _IN_ENVELOPE if name in cells}
    if "type" in cells:
        envelope["type"] = f"cakupan.{cells['type']}.v1"
    event = {"specversion": "1.0", **envelope, "data": data}
    if sum(map(len, cells.values())) > _MAYBE_TOO_LARGE and len(msgspec.json.encode(event)) > MAX_FACT_BYTES:
        return TOO_LARGE
    return event
