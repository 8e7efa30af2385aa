"""What files of rules and of officials have in common: texts as written, refusals with file, line and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)

from services.notifier.files.yaml_lines import Document, NotReadable, Path, load
from shared.runtime.errors import PermanentError

IsRegion = Callable[[str], bool]
T = TypeVar("T", bound=BaseModel)

_UNITS_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_FIXES: Final = {
    "missing": "this field is missing; write it",
    "extra_forbidden": "there is no such field here; remove it or correct its name",
    "string_type": "write one text",
    "tuple_type": "write a list",
    "model_type": "write fields and their values",
    "model_attributes_type": "write fields and their values",
    "too_short": "write at least one",
}


class Entry(BaseModel):
    """An entry of a file: no field that it does not know, a null as if it were not there."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a place of a document."""

    path: Path
    message: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """A fault as people find it: its line, the number of its entry from 1, that entry's id, its field in dots.

    What does not apply is None or empty.
    """

    line: int | None
    entry: int | None
    list_name: str
    id: str
    field: str
    message: str

    def __str__(self) -> str:
        """Return the place in words, and what is wrong there."""
        entry = "" if self.entry is None else f"{self.list_name} entry {self.id or self.entry}"
        where = ", ".join(part for part in (entry, self.field) if part)
        return f"{where}: {self.message}" if where else self.message


class Refused(PermanentError):  # noqa: N818 - it is the file's state
    """A file is refused; a line of the message for each fault: `file:line: place: what is wrong; what to do`."""

    def __init__(self, message: str, wrong: Iterable[Wrong] = ()) -> None:
        super().__init__(message)
        self.wrong = tuple(wrong)


def duration_ms(text: str) -> int:
    """Return the milliseconds of a whole number and `s`, `m`, `h` or `d`."""
    return int(text[:-1]) * _UNITS_MS[text[-1]]


def _as_written(value: object) -> object:
    """Return a number of JSON as its text; a text stays as it is."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _is_duration(text: str) -> str:
    if not re.fullmatch(r"\d{1,9}[smhd]", text, re.ASCII):
        raise ValueError("write a whole number and its unit: 0s, 90s, 30m, 2h, 1d")
    return text


def _is_decimal(text: str) -> str:
    if not re.fullmatch(r"-?\d{1,18}(\.\d{1,18})?", text, re.ASCII):
        raise ValueError("write a decimal number such as 0.40")
    return text


def _is_one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("write one line of text")
    return text


def _truth(value: object) -> object:
    words = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}
    return words.get(value.lower(), value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_as_written)]
OneLine = Annotated[Text, AfterValidator(_is_one_line)]
Id = Annotated[Text, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]
Duration = Annotated[
    Text, AfterValidator(_is_duration), WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,9}[smhd]$"})
]
Line = Annotated[
    Text,
    AfterValidator(_is_decimal),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?[0-9]{1,18}(\.[0-9]{1,18})?$"}]}),
]
Code = Annotated[Text, WithJsonSchema({"type": ["string", "number"]})]
"""A region's code; the schema lets 34.10 stand unquoted, since it is read as written."""
Truth = Annotated[bool, BeforeValidator(_truth)]


def read_text(file: FilePath) -> str:
    """Return the text of a file. Raises: Refused."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise Refused(f"{file} cannot be read ({error}); name a YAML file in UTF-8") from error


def unreadable(file: str, message: str, line: int | None = None) -> Refused:
    """Return the refusal of a file of which nothing can be read."""
    place = file if line is None else f"{file}:{line}"
    return Refused(f"{place}: {message}", [Wrong(line, None, "", "", "", message)])


def documented(text: str, file: str) -> Document:
    """Return the YAML of a file. Raises: Refused."""
    try:
        return load(text)
    except NotReadable as error:
        raise unreadable(file, str(error), error.line) from error


def validated(document: Document, model: type[T], file: str) -> T:
    """Return the document as the model reads it. Raises: Refused, naming every fault."""
    try:
        return model.model_validate(_without_nulls(document.value))
    except ValidationError as error:
        raise refusal(file, document, [_fault(dict(each), document) for each in error.errors()]) from error


def refusal(file: str, document: Document, faults: Iterable[Fault]) -> Refused:
    """Return the refusal that names the faults in the order of their lines."""
    wrong = sorted({_wrong(fault, document) for fault in faults}, key=lambda one: (one.line or 0, str(one)))
    lines = (f"{file}:{one.line}: {one}" if one.line else f"{file}: {one}" for one in wrong)
    return Refused("\n".join(lines), wrong)


def _without_nulls(value: Any) -> Any:
    """Return the value without the fields that are null."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _fault(error: dict[str, Any], document: Document) -> Fault:
    path, value = _path(error["loc"], document.value, missing=error["type"] == "missing")
    message = error["msg"].removeprefix("Value error, ")
    field = message.partition(":")[0]
    if isinstance(value, dict) and field in value:
        # What a model finds wrong among its fields begins with the field to correct.
        path, message = (*path, field), message.removeprefix(f"{field}: ")
    message = _FIXES.get(error["type"], message[:1].lower() + message[1:])
    shown = error["input"]
    seen = f"{shown!r} is refused: " if isinstance(shown, str) and error["type"] not in _FIXES else ""
    return Fault(path, seen + message)


def _path(location: Iterable[str | int], value: Any, *, missing: bool) -> tuple[Path, Any]:
    """Return where the error lies in the document, and the value there.

    Steps that are the model's own, such as a kind, are left out; the last step is kept where that field is missing.
    """
    steps = list(location)
    last = steps.pop() if missing else None
    path: list[str | int] = []
    for place in steps:
        inside = isinstance(value, dict) and place in value
        if inside or (isinstance(value, list) and isinstance(place, int) and place < len(value)):
            value = value[place]
            path.append(place)
    return (tuple(path), value) if last is None else ((*path, last), None)


def _wrong(fault: Fault, document: Document) -> Wrong:
    """Return the fault with its place: of an entry of a list by its number and id."""
    place, value, line = list(fault.path), document.value, document.line(fault.path)
    entry, list_name, id_ = None, "", ""
    if len(place) > 1 and isinstance(place[1], int) and isinstance(value[place[0]][place[1]], dict):
        list_name, entry = str(place[0]), place[1] + 1
        id_ = str(value[place[0]][place[1]].get("id") or "")
        del place[:2]
    return Wrong(line, entry, list_name, id_, ".".join(map(str, place)), fault.message)
