"""Names of regions made comparable across lists that write them differently."""

from __future__ import annotations

import re
from typing import Final

_KIND: Final = re.compile(r"^(kab\.?|kabupaten|kota)\s+((adm\.?|administrasi)\s+)?")
_SHORT: Final = re.compile(r"\bkep\.")
_NO_LETTER: Final = re.compile(r"[^a-z0-9]")
_FIRST_CITY: Final = "71"


def plain(name: str) -> str:
    """Return the name without case, spaces and marks: KEP. SERIBU → kepulauanseribu."""
    return _NO_LETTER.sub("", _SHORT.sub("kepulauan", name.lower()))


def plain_regency(code: str, name: str) -> str:
    """Return a regency's plain name with its kind as the code tells it: Kota Sorong is not Kabupaten Sorong."""
    kind = "kota" if code[-2:] >= _FIRST_CITY else "kabupaten"
    return f"{kind} {plain(_KIND.sub('', name.strip().lower()))}"
