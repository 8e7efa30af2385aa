"""An identity as it is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from shared.contracts.facts import canonical


class Identity(NamedTuple):
    """Whom a fact is about. It is never logged and never stored in clear."""

    scheme: str
    value: str

    def __repr__(self) -> str:
        return f"Identity({self.scheme})"


def identity_of(sent: Mapping[str, str]) -> Identity:
    """Return the identity in a fact or a request whose shape has been checked: {scheme, value}."""
    return Identity(sent["scheme"], canonical(sent["scheme"], sent["value"]))
