"""Awards such as Kabupaten Peduli: recorded and dated. No formula for them is published, so none is computed."""

from __future__ import annotations

from typing import Final

from services.coverage.reference.domain.reference import ReferenceKind

AWARDS: Final = ReferenceKind("awards", str)
"""The series is the award's name, the value `AWARDED`."""
AWARDED: Final = "awarded"
