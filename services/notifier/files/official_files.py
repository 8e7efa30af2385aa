"""Files of officials: all of a file is right, or it is refused with each wrong place named (alerts.md, "Who hears")."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from services.notifier.engine.directory import LEVELS, Channel, ChannelKind, Official, QuietHours, Role
from services.notifier.engine.rules import Language
from services.notifier.files.entries import (
    Code,
    Entry,
    Fault,
    IsRegion,
    OneLine,
    Text,
    documented,
    refusal,
    validated,
)  # fmt: skip
from services.notifier.files.yaml_lines import Document
from shared.regions.codes import level_of

_SHAPES: Final = {
    "email": (re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+"), "name@example.id"),
    "webhook": (re.compile(r"https?://[^\s/]+\S*"), "https://example.id/path"),
    "chat": (re.compile(r"[a-z][a-z0-9+.-]*://\S+"), "tgram://token/chat"),
}
"""The form of an address, and an example that has it."""
_TELEPHONE: Final = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
"""ITU-T E.164: the country's code and at most 15 digits."""


def _is_time(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text, re.ASCII):
        raise ValueError("write hours and minutes, such as 22:00")
    return text


def _is_day(text: str) -> str:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            date.fromisoformat(text)
            return text
    except ValueError:
        pass
    raise ValueError("write a day, such as 2026-03-31")


TimeOfDay = Annotated[
    Text, AfterValidator(_is_time), WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"})
]
Day = Annotated[Text, AfterValidator(_is_day), WithJsonSchema({"type": "string", "format": "date"})]
OfficialId = Annotated[Text, StringConstraints(pattern=r"^[^\s/,]{1,128}$")]
"""Part of the name that makes a delivery's id, in which `/` and `,` part other things."""


class ChannelEntry(Entry):
    """A way to reach the official."""

    kind: ChannelKind
    address: OneLine


class QuietHoursEntry(Entry):
    """Local times of the official's region between which only critical alerts are told."""

    from_: TimeOfDay = Field(alias="from")
    to: TimeOfDay

    def read(self) -> QuietHours:
        """Return the hours."""
        return QuietHours(_after_midnight(self.from_), _after_midnight(self.to))


class OfficialEntry(Entry):
    """An official."""

    id: OfficialId
    name: OneLine
    role: Role
    region: Code
    channels: Annotated[tuple[ChannelEntry, ...], Field(min_length=1)]
    language: Language = "id"
    quiet_hours: QuietHoursEntry | None = None
    valid_from: Day | None = None
    valid_until: Day | None = None
    deputy: OfficialId | None = None

    def read(self) -> Official:
        """Return the official."""
        return Official(
            self.id, self.name, self.role, self.region,
            tuple(Channel(channel.kind, channel.address) for channel in self.channels), self.language,
            None if self.quiet_hours is None else self.quiet_hours.read(),
            date.min if self.valid_from is None else date.fromisoformat(self.valid_from),
            date.max if self.valid_until is None else date.fromisoformat(self.valid_until), self.deputy,
        )  # fmt: skip


class OfficialFile(Entry):
    """A file of officials."""

    officials: tuple[OfficialEntry, ...]


def read_officials(text: str, file: str, is_region: IsRegion) -> tuple[Official, ...]:
    """Return the officials of a YAML text. Raises: Refused, also where two share an id."""
    return officials_of(documented(text, file), file, is_region)


def directory_of(document: Document, file: str, is_region: IsRegion) -> tuple[Official, ...]:
    """Return the officials for the service, which refuses more: see `_careless`. Raises: Refused."""
    officials = officials_of(document, file, is_region)
    faults = list(_careless(officials))
    if faults:
        raise refusal(file, document, faults)
    return officials


def officials_of(document: Document, file: str, is_region: IsRegion) -> tuple[Official, ...]:
    """Return the officials of a document. Raises: Refused, also where two share an id."""
    entries = validated(document, OfficialFile, file).officials
    faults = list(_faults(entries, is_region))
    if faults:
        raise refusal(file, document, faults)
    return tuple(entry.read() for entry in entries)


def _faults(entries: Sequence[OfficialEntry], is_region: IsRegion) -> Iterator[Fault]:
    seen = set[str]()
    for at, entry in enumerate(entries):
        if entry.id in seen:
            yield Fault(("officials", at, "id"), "another official has this id; give each their own")
        seen.add(entry.id)
        if not is_region(entry.region):
            message = f"{entry.region!r}: no region has this code; write a Kemendagri code, or ID"
            yield Fault(("officials", at, "region"), message)


def _careless(officials: Sequence[Official]) -> Iterator[Fault]:
    """Yield what the engine can read and a directory should not hold: someone would never hear, or in another's place.

    These are addresses of a wrong form, a term that ends before it begins, a role at another level than the region's, a
    deputy who does not exist, rings of deputies, and two terms of one office that overlap.
    """
    by_id = {official.id: official for official in officials}
    for at, official in enumerate(officials):
        for number, channel in enumerate(official.channels):
            form, example = _SHAPES[channel.kind]
            if not form.fullmatch(channel.address):
                message = f"{channel.address!r} is no address of this kind; write one such as {example}"
                yield Fault(("officials", at, "channels", number, "address"), message)
            for telephone in _telephones(channel):
                message = f"{telephone!r} is no telephone number; write the country's code and digits: +628123456789"
                yield Fault(("officials", at, "channels", number, "address"), message)
        if official.valid_until < official.valid_from:
            yield Fault(("officials", at, "valid_until"), "the term ends before valid_from; correct one of the two")
        if level_of(official.region) != LEVELS[official.role]:
            message = f"the role {official.role} is held for a {LEVELS[official.role]}; correct role or region"
            yield Fault(("officials", at, "role"), message)
        if official.deputy is not None and official.deputy not in by_id:
            yield Fault(("officials", at, "deputy"), f"no official has the id {official.deputy!r}; add or remove them")
        elif _is_in_ring(official, by_id):
            yield Fault(("officials", at, "deputy"), "deputies form a ring; name someone outside it")
    yield from _overlaps(officials)


def _telephones(channel: Channel) -> list[str]:
    """Return the parts of a chat address that stand for telephone numbers and are none."""
    parts = channel.address.partition("://")[2].partition("?")[0].split("/") if channel.kind == "chat" else []
    return [part for part in parts if part.startswith("+") and not _TELEPHONE.fullmatch(part)]


def _is_in_ring(official: Official, by_id: dict[str, Official]) -> bool:
    seen, deputy = set[str](), official.deputy
    while deputy is not None and deputy in by_id and deputy not in seen:
        if deputy == official.id:
            return True
        seen.add(deputy)
        deputy = by_id[deputy].deputy
    return False


def _overlaps(officials: Sequence[Official]) -> Iterator[Fault]:
    """Yield terms that begin before the term of another official in the same office has ended."""
    terms = sorted(
        (official.role, official.region, official.valid_from, official.valid_until, official.id, at)
        for at, official in enumerate(officials)
        if LEVELS[official.role] != "nation"
    )
    for before, after in pairwise(terms):
        if before[:2] == after[:2] and after[2] <= before[3]:
            message = f"the term overlaps that of {before[4]}, in the same office; end one before the other begins"
            yield Fault(("officials", after[5], "valid_from"), message)


def _after_midnight(time: str) -> int:
    hours, minutes = time.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000
