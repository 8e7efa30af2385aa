"""Regions in the order asked, those asked for, from a place on: judged on what the caller is shown, so that neither
order nor choice tells a hidden number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal

Document = Mapping[str, Any]
Value = str | float | None
Sort = Literal[
    "code", "name", "registered", "active", "potential", "ratio", "registered_ratio", "short", "due",
    "-code", "-name", "-registered", "-active", "-potential", "-ratio", "-registered_ratio", "-short", "-due",
]  # fmt: skip
Filter = Literal["below_target", "at_zero", "quota_missed"]


def _potential(document: Document) -> Value:
    return (document["potential"].get("workers") or {}).get("value")


def _ratio(measure: str) -> Callable[[Document], Value]:
    return lambda document: (document["coverage"][measure] or {}).get("ratio")


def _short(document: Document) -> Value:
    """Return the people short of the target of all workers, active if there is one, else registered."""
    short = {target["measure"]: target["people_short"] for target in document["target"] if target["basis"] == "workers"}
    return short.get("active", short.get("registered"))


def _due(document: Document) -> Value:
    """Return who lapses in 30 days; of the past that is not known."""
    return sum(document["due"]["30d"].values()) if document["due"] else None


_VALUES: Final[dict[str, Callable[[Document], Value]]] = {
    "code": lambda document: document["region"],
    "name": lambda document: document["name"],
    "registered": lambda document: document["registered"],
    "active": lambda document: document["active"],
    "potential": _potential,
    "ratio": _ratio("active"),
    "registered_ratio": _ratio("registered"),
    "short": _short,
    "due": _due,
}
_CHOICES: Final[dict[Filter, Callable[[Document], bool]]] = {
    "below_target": lambda document: any(target["people_short"] for target in document["target"]),
    "at_zero": lambda document: document["active"] == 0,
    "quota_missed": lambda document: any(board["passing"] < board["villages"] for board in document["quota"]),
}


def is_text(sort: Sort) -> bool:
    """Say whether this order is by words, not by numbers."""
    return sort.removeprefix("-") in ("code", "name")


def place_of(document: Document, sort: Sort) -> tuple[Any, str]:
    """Return the place of a region in an order: its value, and its code among those of the same."""
    return _VALUES[sort.removeprefix("-")](document), document["region"]


def chosen(documents: Iterable[Document], filters: Iterable[Filter]) -> Iterator[Document]:
    """Yield the regions that fit all filters."""
    filters = tuple(filters)
    return (document for document in documents if all(_CHOICES[name](document) for name in filters))


def arranged(documents: Iterable[Document], sort: Sort, after: tuple[Value, str] | None = None) -> list[Document]:
    """Return the regions in order, by code where they are equal, those without a value last; from after a place on."""
    placed = sorted(((place_of(document, sort), document) for document in documents), key=lambda item: item[0][1])
    known = [item for item in placed if item[0][0] is not None]
    known.sort(key=lambda item: item[0][0], reverse=sort.startswith("-"))
    ordered = known + [item for item in placed if item[0][0] is None]
    return [document for place, document in ordered if after is None or _is_after(place, after, sort)]


def _is_after(place: tuple[Any, str], begun: tuple[Any, str], sort: Sort) -> bool:
    if place[0] == begun[0]:
        return place[1] > begun[1]
    if place[0] is None or begun[0] is None:
        return place[0] is None
    return bool(place[0] < begun[0] if sort.startswith("-") else place[0] > begun[0])
