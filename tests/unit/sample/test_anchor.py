"""How the sample remembers its first play."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local.sample.scenario import remembered_anchor
from shared.runtime.errors import PermanentError
from tests.fakes import ManualClock


def test_the_anchor_is_the_instant_of_the_first_play(tmp_path: Path) -> None:
    """However much later the next play is, it gets the first one's anchor, to the second and in WIB."""
    first, file = datetime(2026, 3, 31, 18, 30, 5, 123456, tzinfo=UTC), tmp_path / "sample.json"
    clock = ManualClock(first)
    anchor = remembered_anchor(file, clock)
    clock.advance(timedelta(days=3))
    assert remembered_anchor(file, clock) == anchor == first.replace(microsecond=0)
    assert anchor.isoformat() == "2026-04-01T01:30:05+07:00"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"anchor": "soon"}', '{"anchor": 5}'])
def test_a_spoilt_file_is_named(tmp_path: Path, content: str) -> None:
    """A new anchor would send other facts under the same ids: it is better to stop and say what to do."""
    file = tmp_path / "sample.json"
    file.write_text(content)
    with pytest.raises(PermanentError, match=r"sample\.json.*make reset"):
        remembered_anchor(file, ManualClock(datetime(2026, 1, 1, tzinfo=UTC)))
