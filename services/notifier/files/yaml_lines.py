"""YAML as it is written: every scalar stays text, and every value knows its line.

A code such as 34.10 does not become a number, and `no` no truth value. Refused: aliases and anchors (a small file could
swell to gigabytes), tags, a key that stands twice, deep nesting, more than one document.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import yaml

Path: TypeAlias = tuple[str | int, ...]

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C parser where PyYAML has it: a directory of all villages is 20 MB."""
_DEPTH: Final = 20
"""Deeper than any file of ours, and far from the end of the stack."""
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


class NotReadable(ValueError):  # noqa: N818 - it is the file's quality
    """The text is no YAML, or of a form that is refused. `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Document:
    """Plain lists, dicts, text and None; and the line of the value at each path, from 1."""

    value: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int | None:
        """Return the line of the value, else of the nearest one that holds it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


def load(text: str) -> Document:
    """Return the document that the text holds. Raises: NotReadable."""
    try:
        return _Builder().build(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        message = getattr(error, "problem", None) or str(error)
        raise NotReadable(f"this is no YAML: {message}", 1 if mark is None else mark.line + 1) from error


class _Builder:
    """Builds the document from the parser's events, without recursion."""

    def __init__(self) -> None:
        self._lines: dict[Path, int] = {}
        self._open: list[tuple[Path, Any]] = []
        self._keys: list[tuple[str, int] | None] = []
        self._root: Any = None
        self._documents = 0

    def build(self, text: str) -> Document:
        for event in yaml.parse(text, Loader=_LOADER):
            self._take(event)
        return Document(self._root, self._lines)

    def _take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise NotReadable("a second document begins here; write one file for each", line)
            case yaml.AliasEvent():
                raise NotReadable(f"*{event.anchor}: aliases are refused; write the value out", line)
            case yaml.ScalarEvent():
                self._check(event, line)
                self._scalar(event, line)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._check(event, line)
                self._begin({} if isinstance(event, yaml.MappingStartEvent) else [], line)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._open.pop()
                self._keys.pop()

    def _check(self, event: Any, line: int) -> None:
        if event.anchor is not None:
            raise NotReadable(f"&{event.anchor}: anchors are refused; write the value out where it is needed", line)
        if event.tag is not None and event.tag != "!":
            raise NotReadable(f"the tag {event.tag} is refused; write the plain value", line)

    def _scalar(self, event: Any, line: int) -> None:
        if self._awaits_key():
            if event.value in self._open[-1][1]:
                raise NotReadable(f"{event.value}: this key stands here twice; keep one", line)
            self._keys[-1] = event.value, line
        else:
            plain = event.style in (None, "")
            self._put(None if plain and event.value in _NULLS else event.value, line)

    def _begin(self, holder: Any, line: int) -> None:
        if self._awaits_key():
            raise NotReadable("a key must be text", line)
        if len(self._open) >= _DEPTH:
            raise NotReadable(f"nested more than {_DEPTH} deep", line)
        path = self._put(holder, line)
        self._open.append((path, holder))
        self._keys.append(None)

    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1][1], dict) and self._keys[-1] is None

    def _put(self, value: Any, line: int) -> Path:
        """Put the value where it belongs, on the line of its key if it has one; return its path."""
        path: Path = ()
        if not self._open:
            self._root = value
        else:
            parent, holder = self._open[-1]
            place: str | int
            if isinstance(holder, dict):
                place, line = self._keys[-1] or ("", line)
                holder[place], self._keys[-1] = value, None
            else:
                place = len(holder)
                holder.append(value)
            path = (*parent, place)
        self._lines[path] = line
        return path
