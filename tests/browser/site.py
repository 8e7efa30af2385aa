"""Coverage's pages on real Kafka and MongoDB with the small nation counted, a notifier's answers, and a browser."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright

from deploy.messages import browser_path
from services.coverage.app import build
from services.coverage.counting.mongo.store import MongoStore
from services.coverage.pages.http.session import COOKIE
from services.coverage.proof.mongo.proofs import MongoProofs
from services.coverage.proof.ports import Passed, Proof
from services.coverage.public.domain.release import Month
from services.coverage.public.making import NoProgressBar, Parts, ReleaseMaker
from services.coverage.public.mongo import MongoReleases
from services.coverage.reference.mongo import MongoReference
from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_admin import ensure_topics
from shared.adapters.mongo import Mongo
from shared.contracts import topics
from shared.contracts.changes import Change
from shared.regions.catalogue import catalogue
from tests.browser import nation
from tests.factories_coverage import partition
from tests.fakes import ClockFrom
from tests.integration.coverage.stack import Stack
from tests.serving import listening, listening_socket
from tests.tokens import Issuer
from tests.unit.coverage.pages.test_alerts import Remote
from tests.waiting import eventually

PHONE: Final[ViewportSize] = {"width": 360, "height": 740}
DESKTOP: Final[ViewportSize] = {"width": 1280, "height": 800}
WITHIN_MS: Final = 60_000
"""A page is waited for as long as a machine needs that has much else to do: no test is judged by its time."""
_SAY_VIOLATIONS: Final = """addEventListener("securitypolicyviolation", event =>
  console.error(`CSP: ${event.violatedDirective} forbids ${event.blockedURI || event.sample}`))"""
_FAILED: Final = "Failed to load resource: the server responded with a status of"
"""Begins what Chromium says of each answer that is an error."""
_OFFICIALS: Final[dict[str, dict[str, Any]]] = {
    "operator": {},
    "gubernur": {"role": "gubernur", "region": nation.PROVINCE},
    "bupati": {"role": "bupati", "region": nation.REGENCY},
    "camat": {"role": "camat", "region": nation.DISTRICT},
}
"""Who can sign in, by the name of the ready token."""


@asynccontextmanager
async def without_complaints(context: BrowserContext, forgiven: str = "^$") -> AsyncIterator[None]:
    """Watch the pages of a browser during the block.

    Raises: AssertionError at its end, with each error on the console or in a script, and each violation of the content
    security policy, unless it matches `forgiven`. The status of a page itself is none: whoever opens it knows it.
    """
    said, pages = list[tuple[str, str]](), set[str]()
    hears: dict[Any, Any] = {
        "console": lambda one: said.append((one.text, one.location["url"])) if one.type == "error" else None,
        "weberror": lambda failed: said.append((str(failed.error), "")),
        "request": lambda sent: pages.add(sent.url) if sent.is_navigation_request() else None,
    }
    for event, hear in hears.items():
        context.on(event, hear)
    try:
        yield
    finally:
        for event, hear in hears.items():
            context.remove_listener(event, hear)
    complaints = [f"{text} {url}" for text, url in said if not (_FAILED in text and url in pages)]
    complaints = [one for one in complaints if not re.search(forgiven, one)]
    assert not complaints, "\n".join(complaints)


@dataclass
class Site:
    """The pages where a browser finds them, and hands to feed them."""

    base: str
    stack: Stack
    browser: Browser
    tokens: dict[str, str]
    notifier: Remote
    published: Counter[int]

    @asynccontextmanager
    async def visitor(
        self, who: str | None = None, *, base: str | None = None, forgiven: str = "^$", **options: Any
    ) -> AsyncIterator[BrowserContext]:
        """Give a browser without a past, whose pages complain about nothing that is not `forgiven`.

        `who` has signed in, None is the public.
        """
        context = await self.browser.new_context(
            base_url=base or self.base, **{"viewport": PHONE, "locale": "id-ID"} | options
        )
        context.set_default_timeout(WITHIN_MS)
        await context.add_init_script(_SAY_VIOLATIONS)
        if who:
            # Only from a secure address may a `__Host-` cookie be set; a browser takes this machine for one.
            address = self.base.replace("http:", "https:")
            await context.add_cookies([{"name": COOKIE, "value": self.tokens[who], "url": address, "secure": True}])
        try:
            async with without_complaints(context, forgiven):
                yield context
        finally:
            await context.close()

    @asynccontextmanager
    async def page(self, path: str, who: str | None = None, **options: Any) -> AsyncIterator[Page]:
        """Give a page, open at a path."""
        async with self.visitor(who, **options) as context:
            page = await context.new_page()
            await page.goto(path)
            yield page

    async def publish(self, change: Change) -> None:
        """Let something happen, numbered on in its partition."""
        at = _partition(change)
        await self.stack.publish([replace(change, seq=self.published[at], change_id=f"{self.published[at]:032x}")])
        self.published[at] += 1


@asynccontextmanager
async def opened_site(kafka: str, mongodb: str, namespace: str, folder: Path) -> AsyncIterator[Site]:
    """Give the pages with everything counted and two releases made."""
    clock = ClockFrom(nation.NOW)
    issuer, tokens = Issuer(clock), folder / "tokens"
    jwks = await issuer.write_keys(folder / "jwks.json")
    given = {name: issuer.token(sub=name, scope="coverage:read alerts:ack", **who) for name, who in _OFFICIALS.items()}
    tokens.mkdir()
    for name, token in given.items():
        (tokens / f"{name}.jwt").write_text(token)
    await ensure_topics(KafkaAccess(kafka), [topic.under(namespace) for topic in topics.ALL])
    stack, remote, changes = Stack(kafka, mongodb, namespace, jwks, issuer, clock), Remote(), nation.changes()
    listener = listening_socket()
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with _stopping(stack), listening(remote.application()) as notifier, _database(stack) as mongo:
        await stack.publish(changes)
        reference = MongoReference(mongo)
        await reference.prepare()
        await reference.add(nation.statements(), nation.NOW - timedelta(days=300))
        await MongoProofs(mongo).write(Proof(last=Passed(nation.NOW - timedelta(minutes=7), 0, 1, with_topic=True)))
        own = {"public_url": base, "notifier_url": notifier, "ready_tokens": tokens}
        api = build(stack.settings().model_copy(update=own), clock=clock)
        async with listening(api, listener=listener), _browser() as browser:
            await _counted(mongo, len(changes))
            await _release(mongo, clock)
            yield Site(base, stack, browser, given, remote, Counter(_partition(one) for one in changes))


def _partition(change: Change) -> int:
    place = change.after or change.before
    assert place is not None
    return partition(place.region)


@asynccontextmanager
async def _stopping(stack: Stack) -> AsyncIterator[None]:
    """Stop the stack's producer after the block."""
    try:
        yield
    finally:
        await stack.producer.stop()


@asynccontextmanager
async def _database(stack: Stack) -> AsyncIterator[Mongo]:
    mongo = Mongo(stack.mongodb, stack.settings().database("coverage"), "browser")
    try:
        yield mongo
    finally:
        mongo.close()


async def _counted(mongo: Mongo, changes: int) -> None:
    """Return once every change is counted."""
    store = MongoStore(mongo)

    async def all_of_them() -> bool:
        return sum(one.position.next_seq for one in (await store.checkpoints()).values()) == changes

    await eventually(all_of_them, within_s=30)


async def _release(mongo: Mongo, clock: ClockFrom) -> None:
    releases = MongoReleases(mongo)
    await releases.prepare()
    parts = Parts(
        MongoStore(mongo), MongoReference(mongo), releases, nation.PUBLISHED, catalogue().name, clock
    )  # fmt: skip
    for month in (Month(2026, 9), Month(2026, 10)):
        await ReleaseMaker(parts, NoProgressBar()).make(month)


@asynccontextmanager
async def _browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path())
        try:
            yield browser
        finally:
            await browser.close()
