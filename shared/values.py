"""Dataclasses that nobody changes, cheap to make.

To mypy `value` is `dataclass`, so with `frozen=True` a change of a field is an error in `make lint`. Python does not
enforce it: a frozen dataclass sets each field by a call, and takes four times as long to make (ADR 0041). For classes
of which every fact makes some; elsewhere `@dataclass(frozen=True, slots=True)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:
    from dataclasses import dataclass

    def value(*, frozen: bool, slots: bool):
        """Return the decorator of a class whose instances are compared and hashed by their fields."""
        assert frozen
        return dataclass(slots=slots, unsafe_hash=True)


__all__ = ["value"]
