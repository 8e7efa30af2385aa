"""Long work shows how far it is, how fast it goes and how long it will take."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from shared.adapters import progress_bar
from shared.adapters.progress_bar import ProgressBar


@pytest.mark.parametrize("terminal", [True, False])
def test_rate_and_time_left_stay_when_the_total_changes(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    """A total that is estimated on the way must not restart the measurement."""
    now = 0.0
    monkeypatch.setattr(progress_bar, "monotonic", lambda: now)
    shown = io.StringIO()
    progress = ProgressBar(Console(file=shown, force_terminal=terminal, width=120))
    progress._bars.get_time = lambda: now
    with progress:
        progress.begin("rows")
        for step in range(1, 9):
            now = 2.0 * step
            progress.expect(1000 + step)
            progress.advance(100)
    assert ("50/s" if terminal else "rows: 600 of 1,006, 50/s, 9 s left") in shown.getvalue()
    assert progress.done == 800
