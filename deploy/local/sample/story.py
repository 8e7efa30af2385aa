"""Plays the sample through the public interfaces, as an upstream system, an operator and a reader of mail would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console

from deploy.local.addresses import Addresses
from deploy.local.sample.anchor import remembered_anchor
from deploy.local.sample.board import Board, Scene
from deploy.local.sample.figures import ONE_TO, PROVINCE, RISE_SHARES, Figures
from deploy.local.sample.lanes import Lanes
from deploy.local.sample.people import Fact, base_facts, rise_facts
from deploy.local.sample.potentials import potentials_csv
from deploy.local.sample.reading import Reader, RegionFigures, mails
from deploy.local.sample.telling import tell_end, tell_region, tell_where_to_look
from deploy.local.sample.upstream import CONCURRENCY, LINES, Tally, Upstream
from shared.runtime.clock import SystemClock
from shared.runtime.errors import TransientError

_WATCHED: Final = (PROVINCE, *RISE_SHARES)
_LOOK_EVERY_S: Final = 0.5
_WITHIN: Final = timedelta(minutes=2)
"""Counting and mail take about a second; this leaves room for a service that is being restarted."""
_ANSWER_WITHIN_S: Final = 30.0
_READERS: Final = 4


@dataclass(slots=True)
class Story:
    """The sample in acts, each of which ends when it can be seen from outside."""

    figures: Figures
    base: list[Fact] = field(repr=False)
    rise: list[Fact] = field(repr=False)
    upstream: Upstream
    reader: Reader
    board: Board
    mailbox: Path

    @property
    def tally(self) -> Tally:
        """How the registry has answered so far."""
        return self.upstream.tally

    @property
    def province(self) -> RegionFigures | None:
        """What coverage last said of the province."""
        return next((region for region in self.board.scene.regions if region.code == PROVINCE), None)

    async def enrol_base(self) -> None:
        """Send the base, and return once coverage counts it."""
        await self._enrol("the base enrols", self.base, self.figures.registered)

    async def enrol_more(self) -> None:
        """Send the rise, and return once coverage counts it."""
        await self._enrol("more enrol", self.rise, self.figures.risen)

    async def newest_mail(self) -> EmailMessage | None:
        """Return the newest message; wait for one only if this play has changed anything."""
        if self.tally.accepted:
            self.board.scene.phase = "waiting for the message"
            await _until(lambda: bool(mails(self.mailbox)), "no message in the mailbox; see the notifier's log")
        self.board.scene.phase = "done"
        return next(reversed(mails(self.mailbox)), None)

    async def _enrol(self, phase: str, facts: list[Fact], people: int) -> None:
        self.board.scene.phase = phase
        await self.upstream.send_all(facts)
        self.board.scene.phase = f"{phase}: being counted"
        await _until(
            lambda: self.province is not None and self.province.registered >= people,
            f"coverage does not count {people} people in {PROVINCE}; see the logs of registry and coverage",
        )


async def play(addresses: Addresses, tokens: Path, mailbox: Path, console: Console, one_to: int = ONE_TO) -> None:
    """Bring Aceh to 38,09 %, then over 40 %, and show the message its governor gets.

    1. The anchor is remembered. 2. The potential workers are loaded. 3. The base is sent, and counted. 4. The rise is
    sent, and counted. 5. The message is there. Broken off anywhere, another play sends the same facts and goes on;
    after a complete one it adds nothing, and says so.
    Raises: TransientError or PermanentError in words for an operator.
    """
    async with opened_story(addresses, tokens, mailbox, console, one_to) as story:
        await story.enrol_base()
        tell_region(story.province, console)
        await story.enrol_more()
        mail = await story.newest_mail()
    tell_end(story.tally, mail, console)
    tell_where_to_look(addresses, tokens, console)


@asynccontextmanager
async def opened_story(
    addresses: Addresses, tokens: Path, mailbox: Path, console: Console, one_to: int = ONE_TO, lines: int = LINES
) -> AsyncIterator[Story]:
    """Yield the story with the potential workers loaded, and keep its board up to date meanwhile."""
    figures = Figures.at(one_to)
    anchor = remembered_anchor(tokens.parent / "sample.json", SystemClock())
    base, rise = base_facts(figures, anchor), rise_facts(figures, anchor)
    lanes = Lanes(CONCURRENCY + _READERS)
    async with httpx.AsyncClient(timeout=_ANSWER_WITHIN_S, transport=lanes) as client:
        upstream = Upstream(client, addresses.registry, _token(tokens, "upstream"), lines=lines)
        reader = Reader(client, addresses, _token(tokens, "operator"))
        await reader.load_potentials(potentials_csv(one_to))
        board = Board(console, Scene(len(base) + len(rise), upstream.tally))
        with board:
            async with _watched(board, reader):
                yield Story(figures, base, rise, upstream, reader, board, mailbox)


@asynccontextmanager
async def _watched(board: Board, reader: Reader) -> AsyncIterator[None]:
    """Keep the board showing what the services say while the block runs; the first error of either ends both."""
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_watch(board, reader))
            yield
            watching.cancel()
    except ExceptionGroup as errors:
        raise _innermost(errors) from None


async def _watch(board: Board, reader: Reader) -> None:
    while True:
        seen = [await reader.region(code) for code in _WATCHED]
        alerts = await reader.alerts(PROVINCE)
        board.scene.regions = [region for region in seen if region is not None]
        board.scene.alerts = len(alerts or ())
        board.refresh()
        await asyncio.sleep(_LOOK_EVERY_S)


async def _until(true: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _WITHIN.total_seconds()
    while not true():
        if time.monotonic() > deadline:
            raise TransientError(otherwise)
        await asyncio.sleep(_LOOK_EVERY_S)


def _token(tokens: Path, name: str) -> str:
    return (tokens / f"{name}.jwt").read_text().strip()


def _innermost(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _innermost(first) if isinstance(first, BaseExceptionGroup) else first
