"""What every page knows about its request, and the addresses that lead on from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

from services.coverage.pages.formats import Language
from shared.regions.codes import NATION
from shared.runtime.auth import Caller

DEFAULT_LANGUAGE: Final[Language] = "id"
_DAYS: Final = ("as_of", "known_at")
"""Parameters that stay from one page of a region to the next."""


@dataclass(frozen=True, slots=True)
class View:
    """Who asks for what, in which language; `caller` None: the public.

    `query` is as it came, without the language: a text, or a list where a name came several times.

    `form_token` goes into each form that changes something; None where nothing can be changed.
    """

    language: Language
    path: str
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    caller: Caller | None = None
    form_token: str | None = None
    base: str = ""

    def to(self, path: str, **query: object) -> str:
        """Return the address of another page in the same language. Parameters of None are left out."""
        kept = {name: value for name, value in query.items() if value is not None}
        if self.language != DEFAULT_LANGUAGE:
            kept["lang"] = self.language
        return f"{quote(path)}?{urlencode(kept, doseq=True)}" if kept else quote(path)

    def region(self, code: str, part: str = "", **query: object) -> str:
        """Return the address of a region's page, of the same days."""
        path = "/" if code == NATION and not part else f"/wilayah/{code}{part and '/'}{part}"
        return self.to(path, **{name: self.query.get(name) for name in _DAYS} | query)

    def now(self, code: str, part: str = "") -> str:
        """Return the address of a region's page as of now."""
        return self.region(code, part, as_of=None, known_at=None)

    def same(self, **query: object) -> str:
        """Return the address of this page with other parameters; one of None is taken out."""
        return self.to(self.path, **{**self.query} | query)

    @property
    def other_language(self) -> str:
        """The address of this page in the other language."""
        other: Language = "en" if self.language == "id" else "id"
        return View(other, self.path).to(self.path, **self.query)

    @property
    def permalink(self) -> str:
        """The whole address of this page, for print."""
        return self.base + self.same()
