from __future__ import annotations

from io import StringIO

from rich.console import Console

from deploy.local.sample.board import Board, Scene
from deploy.local.sample.reading import RegionFigures
from deploy.local.sample.upstream import Tally

ACEH = RegionFigures("11", "Aceh", 6_517, 6_510, 17_109, 0.3809)
SABANG = RegionFigures("11.72", "Kota Sabang", 3, 3, None, None)


def shown(*, terminal: bool) -> str:
    console = Console(file=StringIO(), force_terminal=terminal, width=120)
    scene = Scene(100, Tally(accepted=40, duplicate=2, refused=1), "the base enrols", [ACEH, SABANG], alerts=1)
    with Board(console, scene):
        pass
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_log_gets_plain_lines() -> None:
    """Where there is no terminal a scene is one line without control characters."""
    lines = shown(terminal=False).splitlines()
    assert len(lines) == 1
    assert "\x1b" not in lines[0]
    assert lines[0].startswith("the base enrols: 40 accepted, 2 duplicate, 1 refused of 100 (")
    assert lines[0].endswith("alerts 1; Aceh 6517/17109 = 38,09%, Kota Sabang 3/– = –")


def test_a_terminal_gets_the_same_figures() -> None:
    """The live board shows numerator, denominator, ratio in local form, and how many alerts there are."""
    text = shown(terminal=True)
    for part in ("Aceh (11)", "6517", "17109", "38,09%", "40 accepted", "Alerts: 1"):
        assert part in text


def test_plain_lines_come_now_and_then() -> None:
    """Refreshing many times within a moment prints one line, and one more at the end."""
    console = Console(file=StringIO(), width=120)
    with Board(console, Scene(1, Tally(), "starting")) as board:
        for _ in range(50):
            board.refresh()
    assert isinstance(console.file, StringIO)
    assert len(console.file.getvalue().splitlines()) == 2
