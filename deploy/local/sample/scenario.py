"""Plays the sample: Aceh rises from 38,09 % to 40 %, and its governor gets one message."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from deploy.local.mailbox.letters import Letter, Letters
from deploy.local.process import Child
from deploy.local.sample.aceh import ONE_TO, PROVINCE, Figures
from deploy.local.sample.client import Client, send_facts
from deploy.local.sample.people import BUDGET_ENDS, BUDGET_PEOPLE, Fact, base_facts, budget_facts, rise_facts
from deploy.local.sample.reference import reference_files
from deploy.local.settings import StackConfig, write_whole
from deploy.local.stack import say, services
from shared.regions.codes import WIB
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.errors import PermanentError, TransientError

Body = dict[str, Any]
GOVERNOR: Final = "gubernur.aceh@example.id"
"""As in deploy/local/notifier/officials.yaml."""
_WITHIN_S: Final = 120.0
"""Counting and mail take about a second; this leaves room for a service that is being restarted."""


@dataclass(slots=True)
class Scenario:
    """The sample in steps; each step ends when its result can be seen from outside.

    `outcomes` counts the registry's answers, `aceh` is the province as last read, `released_to` the last day of the
    month that the public sees.
    """

    config: StackConfig
    figures: Figures
    released_to: date
    base: list[Fact]
    rise: list[Fact]
    client: Client
    mailbox: Letters
    console: Console
    outcomes: Counter[str] = field(default_factory=Counter)
    aceh: Body = field(default_factory=dict)

    async def enrol_base(self) -> None:
        """Send the base, and return once coverage counts it."""
        await self._enrol("The base enrols", self.base, self.figures.registered)
        await self._until(lambda of: of["registered"] >= BUDGET_PEOPLE, f"{BUDGET_PEOPLE} people", BUDGET_ENDS)

    async def enrol_more(self) -> None:
        """Send the rise, and return once coverage counts it."""
        await self._enrol("More enrol", self.rise, self.figures.risen)

    async def governors_mail(self) -> Letter | None:
        """Return the governor's newest message; wait for one only if this play has changed anything."""
        if self.outcomes["accepted"]:
            await self._until(lambda _: bool(self._mails()), f"a message to {GOVERNOR}")
        return next(iter(self._mails()), None)

    async def release(self) -> None:
        """Make the release of the month before the first play by the command, unless it is there.

        Raises: PermanentError with the command's last words.
        """
        month = f"{self.released_to:%Y-%m}"
        listed = await self.client.get("coverage", "/v1/releases?limit=500")
        if month not in [release["month"] for release in listed["items"]]:
            say(self.console, f"The release of {month} is made, which the public sees")
            (serving,) = (part for part in services(self.config) if part.name == "coverage")
            command = (serving.command[0], "release", "--month", month)
            await Child("release", command, self.config.home.log("release"), serving.environment).run()

    def _mails(self) -> list[Letter]:
        return [letter for letter in self.mailbox.all() if letter.to == GOVERNOR]

    async def _enrol(self, step: str, facts: list[Fact], people: int) -> None:
        say(self.console, f"{step}: {len(facts)} facts")
        began = time.monotonic()
        await send_facts(facts, self.config, self.outcomes)
        measures = ("registered", "active") if self.outcomes["accepted"] else ("registered",)
        self.aceh = await self._until(lambda of: all(of[name] >= people for name in measures), f"{people} people")
        say(self.console, f"{_share(self.aceh)}, counted after {time.monotonic() - began:.1f} s")

    async def _until(self, true: Callable[[Body], bool], what: str, region: str = PROVINCE) -> Body:
        """Read the region again until the condition is true, and return it."""
        deadline = time.monotonic() + _WITHIN_S
        while not true(found := await self.client.get("coverage", f"/v1/regions/{region}")):
            if time.monotonic() > deadline:
                raise TransientError(f"{what} of {region} cannot be seen; see the logs in {self.config.home.logs}")
            await asyncio.sleep(0.2)
        return found


async def play(config: StackConfig, console: Console) -> None:
    """Bring Aceh to 38,09 %, then over 40 %, and show its governor's message and the pages with all else.

    1. The anchor is remembered. 2. The reference data is loaded. 3. The base is sent, and counted. 4. The rise is sent,
    and counted. 5. The message is there. 6. The release of the month before is made. After a kill anywhere, another
    play sends the same facts and goes on; after a complete play it adds nothing, and says so.
    Raises: TransientError or PermanentError in words for an operator.
    """
    async with opened_scenario(config, console) as scenario:
        await scenario.enrol_base()
        await scenario.enrol_more()
        mail = await scenario.governors_mail()
        await scenario.release()
    if not scenario.outcomes["accepted"]:
        say(console, f"Nothing is new: all {scenario.outcomes['duplicate']} facts are known from an earlier play.")
    if mail is not None:
        console.print(Panel(Text(mail.text.strip()), title=Text(mail.subject), subtitle=Text(f"to {mail.to}")))
    for line in (_share(scenario.aceh), *_where(config, scenario.released_to)):
        say(console, line)


@asynccontextmanager
async def opened_scenario(config: StackConfig, console: Console) -> AsyncIterator[Scenario]:
    """Yield the scenario with its reference data loaded."""
    anchor, figures = remembered_anchor(config.home.sample, SystemClock()), Figures.at(ONE_TO)
    base = sorted(base_facts(figures, anchor) + budget_facts(anchor), key=lambda fact: str(fact["time"]))
    async with httpx.AsyncClient(timeout=30) as http:
        client = Client(http, config)
        for kind, text in reference_files(figures, base, anchor).items():
            await client.put(kind, text)
        mailbox = Letters(config.home.mailbox)
        month_before = anchor.date().replace(day=1) - timedelta(days=1)
        yield Scenario(config, figures, month_before, base, rise_facts(figures, anchor), client, mailbox, console)


def remembered_anchor(file: Path, clock: Clock) -> datetime:
    """Return the instant of the first play, kept in the file: a second play then sends the same facts.

    Units: whole seconds, WIB.
    Raises: PermanentError naming the file when it holds no instant.
    """
    try:
        if file.exists():
            return datetime.fromisoformat(json.loads(file.read_text())["anchor"]).astimezone(WIB)
    except (ValueError, KeyError, TypeError) as error:
        raise PermanentError(f"{file} holds no instant; 'make reset' forgets it and the sample's data") from error
    anchor = clock.now().astimezone(WIB).replace(microsecond=0)
    write_whole(file, json.dumps({"anchor": anchor.isoformat()}))
    return anchor


def _share(region: Body) -> str:
    ratio = region["coverage"]["registered"]
    per_cent = f"{ratio['ratio']:.2%}".replace(".", ",")
    return f"{region['name']}: {ratio['numerator']} of {ratio['denominator']} registered = {per_cent}"


def _where(config: StackConfig, released_to: date) -> Iterator[str]:
    """Yield the pages on which each part of the sample is seen."""
    pages = config.url("coverage")
    yield f"Sign in at {pages}/masuk: choose governor-aceh or regent-tanah-bumbu there; nobody is asked for a password."
    yield f"  {pages}/wilayah/{PROVINCE}  the governor's page: behind the target path, and an alert to acknowledge"
    yield f"  {pages}/wilayah/{PROVINCE}/desa-sadar  designated villages, in some of which an official has lapsed"
    yield f"  {pages}/wilayah/{BUDGET_ENDS}  the regent's page: for 3,000 a budget pays for the last time"
    yield f"  {pages}/wilayah/{BUDGET_ENDS}/kuota  which villages have 100 vulnerable workers, fewer, or none"
    yield f"  {pages}/  the nation's page, where a source is silent: choose operator"
    yield f"Anybody, without signing in: {pages}/wilayah/{PROVINCE}?as_of={released_to}"
    yield f"Messages to officials: {config.url('mailbox')}"
    yield f"Every call is at {config.url('registry')}/docs, tokens for it in {config.home.tokens}/*.jwt."
