"""What the services say of themselves; every figure that the sample shows comes from here."""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx

from deploy.local.addresses import Addresses
from shared.runtime.errors import PermanentError


@dataclass(frozen=True, slots=True)
class RegionFigures:
    """One region as coverage counts it now; `potential` and `ratio` are None where none is known."""

    code: str
    name: str
    registered: int
    active: int
    potential: int | None
    ratio: float | None

    @property
    def per_cent(self) -> str:
        """The share registered in local form, 38,09%; a dash where there is none."""
        return "–" if self.ratio is None else f"{self.ratio:.2%}".replace(".", ",")


class Reader:
    """Reads the public APIs of coverage and notifier as an operator may."""

    def __init__(self, client: httpx.AsyncClient, addresses: Addresses, token: str) -> None:
        self._client = client
        self._addresses = addresses
        self._headers = {"Authorization": f"Bearer {token}"}

    async def load_potentials(self, text: str) -> None:
        """Give coverage the potential workers; the same rows again are no new version of anything.

        Raises: PermanentError with coverage's own words when it refuses the file.
        """
        headers = {**self._headers, "Content-Type": "text/csv"}
        answer = await self._client.put(f"{self._addresses.coverage}/v1/potentials", content=text, headers=headers)
        if not answer.is_success:
            raise PermanentError(f"coverage refuses the potential workers: {answer.status_code} {answer.text}")

    async def region(self, code: str) -> RegionFigures | None:
        """Return the region's figures, or None while coverage does not answer."""
        body = await self._get(f"{self._addresses.coverage}/v1/regions/{code}")
        return None if body is None else _figures(body)

    async def alerts(self, region: str) -> list[dict[str, Any]] | None:
        """Return the alerts of a region and all below, or None while the notifier does not answer."""
        body = await self._get(f"{self._addresses.notifier}/v1/alerts", {"region": region})
        return None if body is None else list(body["items"])

    async def _get(self, url: str, query: dict[str, str] | None = None) -> dict[str, Any] | None:
        try:
            answer = await self._client.get(url, params=query, headers=self._headers)
        except httpx.TransportError:
            return None
        if answer.is_client_error:
            raise PermanentError(f"{url} refuses to be read: {answer.status_code} {answer.text}")
        return answer.json() if answer.is_success else None


def mails(mailbox: Path) -> list[EmailMessage]:
    """Return the messages that the local mailbox keeps, oldest first."""
    files = sorted(mailbox.glob("*.eml"), key=lambda file: (file.stat().st_mtime_ns, file.name))
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


def text_of(mail: EmailMessage) -> str:
    """Return the plain text of a message."""
    body = mail.get_body(("plain",))
    return "" if body is None else str(body.get_content()).strip()


def _figures(body: dict[str, Any]) -> RegionFigures:
    coverage = body["coverage"]["registered"] or {}
    return RegionFigures(
        code=body["region"],
        name=body["name"],
        registered=body["registered"],
        active=body["active"],
        potential=coverage.get("denominator"),
        ratio=coverage.get("ratio"),
    )
