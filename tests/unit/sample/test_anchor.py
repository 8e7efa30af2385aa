from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local.sample.anchor import remembered_anchor
from shared.runtime.errors import PermanentError

FIRST = datetime(2026, 3, 31, 18, 30, 5, 123456, tzinfo=UTC)


class StoppedClock:
    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


def test_the_anchor_is_the_instant_of_the_first_play(tmp_path: Path) -> None:
    """However much later the next play is, it gets the first one's anchor, to the second and in WIB."""
    clock = StoppedClock(FIRST)
    anchor = remembered_anchor(tmp_path / "sample.json", clock)
    clock.moment += timedelta(days=3)
    assert remembered_anchor(tmp_path / "sample.json", clock) == anchor == FIRST.replace(microsecond=0)
    assert anchor.isoformat() == "2026-04-01T01:30:05+07:00"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"anchor": "soon"}', '{"anchor": 5}'])
def test_a_spoilt_file_is_named(tmp_path: Path, content: str) -> None:
    """An anchor made anew would send other facts under the same ids: better to stop and say what to do."""
    file = tmp_path / "sample.json"
    file.write_text(content)
    with pytest.raises(PermanentError, match=r"sample\.json.*make reset"):
        remembered_anchor(file, StoppedClock(FIRST))
