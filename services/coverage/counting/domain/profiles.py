"""The part of a person's state that is counted: where they are, as what, and until when they are active."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

_BETWEEN: Final = " "
_AMONG: Final = "+"
_ACTIVE: Final = " active"
_INACTIVE: Final = " inactive"
_PROFILES: Final = 10_000
"""A few hundred profiles are in use at once."""


class Profile(NamedTuple):
    """As what a person is counted. People of one profile count alike in every dimension."""

    segment: str
    groups: tuple[str, ...]
    payer: str
    programmes: tuple[str, ...]
    active: bool


class Lapse(NamedTuple):
    """The day on which active people lapse, who pays for them, and their groups."""

    on: date
    payer: str
    groups: tuple[str, ...]


class CountedState(NamedTuple):
    """A person's state as it is counted: place, code of the profile, code of the lapse (None: no lapse is due)."""

    region: str
    profile: str
    lapse: str | None


@lru_cache(maxsize=_PROFILES)
def profile_code(profile: Profile) -> str:
    """Return the profile as one word that may also name a field in MongoDB. Groups and programmes are sorted."""
    parts = (_word(profile.segment), _words(profile.groups), _word(profile.payer), _words(profile.programmes))
    return _BETWEEN.join(parts) + (_ACTIVE if profile.active else _INACTIVE)


@lru_cache(maxsize=_PROFILES)
def profile_of(code: str) -> Profile:
    """Return the profile of a code."""
    segment, groups, payer, programmes, active = code.split(_BETWEEN)
    return Profile(unquote(segment), _list(groups), unquote(payer), _list(programmes), active == "active")


def is_active(code: str | None) -> bool:
    """Say whether people of this profile are active. None is no profile, so nobody."""
    return code is not None and code.endswith(_ACTIVE)


@lru_cache(maxsize=_PROFILES)
def lapse_code(lapse: Lapse) -> str:
    """Return the lapse as one word, as `profile_code` does."""
    return _BETWEEN.join((lapse.on.isoformat(), _word(lapse.payer), _words(lapse.groups)))


@lru_cache(maxsize=_PROFILES)
def lapse_of(code: str) -> Lapse:
    """Return the lapse of a code."""
    on, payer, groups = code.split(_BETWEEN)
    return Lapse(date.fromisoformat(on), unquote(payer), _list(groups))


def _words(values: tuple[str, ...]) -> str:
    return _AMONG.join(_word(value) for value in sorted(set(values)))


def _word(value: str) -> str:
    """Return the value without dots, dollars, blanks and null: MongoDB and these codes give them a meaning."""
    return quote(value, safe="").replace(".", "%2E")


def _list(words: str) -> tuple[str, ...]:
    return tuple(unquote(word) for word in words.split(_AMONG)) if words else ()
