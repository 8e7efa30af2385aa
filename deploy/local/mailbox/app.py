"""The mailbox's two sides: SMTP in, a page out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from deploy.local.mailbox.letters import Letters
from shared.adapters.http_headers import SafeHeaders

_PAGES: Final = Jinja2Templates(Path(__file__).parent / "templates")


class _Receiver:
    """Takes messages from aiosmtpd."""

    def __init__(self, letters: Letters) -> None:
        self._letters = letters

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer 250 only once the message is on the disk."""
        try:
            return f"250 kept as {self._letters.keep(envelope.original_content or b'')}"
        except OSError as error:
            return f"452 cannot keep it now: {error.strerror}"


def build(folder: Path, host: str, smtp_port: int) -> FastAPI:
    """Return the page, which runs the SMTP server beside it for its lifetime."""
    letters = Letters(folder)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()

        def receiver() -> SMTP:
            # A host name of its own: looking up the machine's can take seconds.
            return SMTP(_Receiver(letters), hostname="mailbox.cakupan.local", enable_SMTPUTF8=True, loop=loop)

        async with await loop.create_server(receiver, host, smtp_port):
            yield

    pages = FastAPI(title="Mailbox", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    pages.add_middleware(SafeHeaders)

    @pages.get("/")
    async def inbox(request: Request) -> HTMLResponse:
        return _PAGES.TemplateResponse(request, "inbox.html", {"letters": letters.all()})

    @pages.get("/mails/{name}")
    async def letter(request: Request, name: str) -> HTMLResponse:
        found = letters.get(name)
        if found is None:
            raise HTTPException(404, "no message has this name; the list of all is at /")
        return _PAGES.TemplateResponse(request, "letter.html", {"letter": found})

    @pages.get("/health/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ok"}

    return pages
