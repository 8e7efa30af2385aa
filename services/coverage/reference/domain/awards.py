"""Awards such as Kabupaten Peduli: recorded and dated. They have no published formula, so nothing is computed."""

from __future__ import annotations

from typing import Final

from services.coverage.reference.domain.reference import Kind

AWARDS: Final = Kind("awards", str)
"""The series is the award's name, the value `AWARDED`."""
AWARDED: Final = "awarded"
