"""The page behind the link in a message: it shows a button, and only the button's POST acknowledges.

Programs that scan mail follow links, so GET changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from services.notifier.engine.instants import to_ms
from services.notifier.engine.rules import Language
from services.notifier.http.access import may_acknowledge
from services.notifier.http.ack_links import AckLink, AckLinks, BadLink, ExpiredLink
from services.notifier.http.alerts import give_ack
from services.notifier.http.given import Giver
from services.notifier.http.records import Records
from shared.adapters.http_api import read_body
from shared.adapters.http_headers import NOTHING_ELSE
from shared.adapters.http_problem import Problem
from shared.adapters.mongo import Document, DuplicateError
from shared.runtime.clock import Clock

_MOST_BYTES: Final = 16 * 1024
"""A note of a thousand characters, each of which may take twelve bytes in a form."""
_LONGEST_NOTE: Final = 1000
_POLICY: Final = NOTHING_ELSE.replace("form-action 'none'", "form-action 'self'") + "; style-src 'unsafe-inline'"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    # The address is the secret.
    "Referrer-Policy": "no-referrer",
}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "The page says why the link does nothing", "content": {"text/html": {}}}
}
_TEMPLATE: Final = Environment(
    loader=PackageLoader("services.notifier.http"), autoescape=True, undefined=StrictUndefined
).get_template("ack.html")

Text = Mapping[Language, str]


@dataclass(frozen=True, slots=True)
class _Page:
    """What a page says in both languages, and its status. `asks`: it has the button."""

    status: int
    title: Text
    lines: Sequence[Text] = ()
    asks: bool = False

    def answer(self) -> HTMLResponse:
        html = _TEMPLATE.render(title=self.title, lines=self.lines, asks=self.asks)
        return HTMLResponse(html, self.status, headers=_HEADERS)


class _Refused(Exception):  # noqa: N818 - it is what became of the request
    """The link does nothing; the page says why."""

    def __init__(self, status: int, title_id: str, title_en: str, line_id: str, line_en: str) -> None:
        super().__init__(title_en)
        self.page = _Page(status, {"id": title_id, "en": title_en}, [{"id": line_id, "en": line_en}])


def create_router(
    *, links: AckLinks, records: Records, giver: Giver, name_of: Callable[[str], str | None], clock: Clock
) -> APIRouter:
    """Return the routes under /ack."""
    router = APIRouter(prefix="/ack", tags=["alerts"], default_response_class=HTMLResponse)
    desk = _Desk(links, records, name_of, clock)

    @router.get("/{token}", responses=_ANSWERS)
    async def show(token: str) -> HTMLResponse:
        """Show what a link of a message would acknowledge, and a button. Nothing changes."""
        try:
            _, alert = await desk.opened(token)
        except _Refused as refused:
            return refused.page.answer()
        question: Text = {"id": "Tandai peringatan ini diketahui?", "en": "Acknowledge this alert?"}
        return _Page(200, question, [await desk.about(alert), _EFFECT], asks=True).answer()

    @router.post("/{token}", responses=_ANSWERS)
    async def acknowledge(request: Request, token: str) -> HTMLResponse:
        """Acknowledge the alert in the name of the official to whom the link was sent."""
        note = await _note(request)
        try:
            link, alert = await desk.opened(token)
            _, outcome = await give_ack(giver, alert, link.official, note, link.official, link=link.id)
        except DuplicateError:
            return _used().page.answer()
        except _Refused as refused:
            return refused.page.answer()
        except Problem as problem:
            if problem.code != "alert_ended":
                raise
            return _ended().page.answer()
        about = await desk.about(alert)
        return (_Page(200, _DONE, [about]) if outcome else _Page(202, _NOTED, [about])).answer()

    return router


_EFFECT: Final[Text] = {
    "id": "Setelah itu tidak ada pengingat dan peringatan tidak naik ke atasan. Kabar pulih tetap dikirim.",
    "en": "Then nobody is reminded and the alert goes no higher. You will still hear when it recovers.",
}
_DONE: Final[Text] = {"id": "Peringatan ditandai diketahui", "en": "The alert is acknowledged"}
_NOTED: Final[Text] = {
    "id": "Tercatat; berlaku dalam beberapa saat",
    "en": "Noted; it takes effect in a moment",
}


class _Desk:
    """Opens links and says what they are about."""

    def __init__(
        self, links: AckLinks, records: Records, name_of: Callable[[str], str | None], clock: Clock
    ) -> None:  # fmt: skip
        self._links = links
        self._records = records
        self._name_of = name_of
        self._clock = clock

    async def opened(self, token: str) -> tuple[AckLink, Document]:
        """Return what the link says and its alert, which fires. Raises: _Refused."""
        now = self._clock.now()
        try:
            link = self._links.read(token, now)
        except ExpiredLink as error:
            raise _Refused(
                410, "Tautan ini sudah kedaluwarsa", "This link has expired",
                "Pakai tautan di pesan yang lebih baru, atau masuk ke halaman Cakupan.",
                "Use the link in a newer message, or sign in to the pages of Cakupan.",
            ) from error  # fmt: skip
        except BadLink as error:
            raise _Refused(
                403, "Tautan ini tidak berlaku", "This link is not valid",
                "Tautannya terpotong atau diubah. Buka lagi langsung dari pesannya.",
                "It was cut or changed. Open it again from the message itself.",
            ) from error  # fmt: skip
        if await self._records.is_used(link.id):
            raise _used()
        alert = await self._records.alert(link.alert)
        if alert is None:
            raise _Refused(
                404, "Peringatan ini tidak dikenal", "This alert is not known",
                "Tautan ini milik peringatan yang tidak ada di sini.", "The link belongs to an alert that is not here.",
            )  # fmt: skip
        await self._demand_office(link, alert)
        if alert["ended_at"] is not None:
            raise _ended()
        return link, alert

    async def about(self, alert: Document) -> Text:
        """Return the alert in a line."""
        rules = await self._records.rules_of_version(alert["rules_version"])
        rule = rules.get(alert["rule"])
        name = self._name_of(alert["region"]) or alert["region"]
        titles: Text = {"id": alert["rule"], "en": alert["rule"]} if rule is None else rule.title
        return {language: f"{name}: {titles[language]}" for language in titles}

    async def _demand_office(self, link: AckLink, alert: Document) -> None:
        """Pass an official who is in office for the alert's region. Raises: _Refused."""
        _, directory = await self._records.directory()
        official = directory.get(link.official)
        now = to_ms(self._clock.now())
        if official is None or not may_acknowledge(official, alert["region"], directory, now):
            raise _Refused(
                403, "Anda tidak lagi menjabat untuk wilayah ini", "You are no longer in office for this region",
                "Penggantinya menerima pesan dengan tautan sendiri.",
                "Your successor gets messages with their own link.",
            )  # fmt: skip


def _used() -> _Refused:
    return _Refused(
        410, "Tautan ini sudah dipakai", "This link was used already",
        "Peringatan ini sudah ditandai diketahui dengan tautan ini.", "The alert was acknowledged with it.",
    )  # fmt: skip


def _ended() -> _Refused:
    return _Refused(
        409, "Peringatan ini sudah berakhir", "This alert has ended",
        "Tidak ada lagi yang perlu ditandai.", "There is nothing left to acknowledge.",
    )  # fmt: skip


async def _note(request: Request) -> str:
    """Return the note of the form. Raises: Problem 413 or 422."""
    body = await read_body(request, _MOST_BYTES)
    try:
        fields = parse_qs(body.decode(), max_num_fields=10)
    except ValueError as error:
        raise Problem(422, "malformed_form", "send the form of the page") from error
    return fields.get("note", [""])[0].strip()[:_LONGEST_NOTE]
