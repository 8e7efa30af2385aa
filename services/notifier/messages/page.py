"""A message in words before it is laid out as text or HTML. Every text is one line and not yet escaped."""

from __future__ import annotations

from dataclasses import dataclass

from services.notifier.engine.rules import Language
from services.notifier.messages.message import Picture


@dataclass(frozen=True, slots=True)
class Link:
    """A link by its label. `acts`: it is what the reader is asked to do."""

    label: str
    url: str
    acts: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a list, with the links that belong to it. `head`: its beginning, which HTML writes bold."""

    text: str
    links: tuple[Link, ...] = ()
    head: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A line of small print; in HTML its end is a link, in plain text the link's label."""

    text: str
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A title, lines, and a picture of them."""

    title: str
    lines: tuple[Line, ...]
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """All parts of a message. `references`: addresses that plain text lists and HTML links where they are named."""

    language: Language
    subject: str
    greeting: str
    lead: tuple[str, ...]
    next: tuple[str, ...]
    sections: tuple[Section, ...]
    links: tuple[Link, ...]
    references: tuple[Link, ...]
    notes: tuple[Note, ...]
    short: tuple[str, ...]
