"""The notifier's API, asked with the reader's own token; it may be unreachable, and pages stand without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx
import msgspec

from shared.adapters.http_problem import Problem
from shared.runtime.errors import TransientError
from shared.runtime.logging import logger

_log = logger(__name__)
_WITHIN_S: Final = 1.0
"""A page waits no longer for alerts: its figures are here."""
_AT_MOST: Final = 100
"""Alerts a page shows."""

Document = Mapping[str, Any]


class Notifier:
    """Asks for alerts and passes acknowledgements on."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def alerts(self, token: str, **query: str | None) -> list[Document] | None:
        """Return alerts, newest first, at most 100; None where the notifier does not answer or refuses."""
        try:
            page = await self._ask("GET", "/v1/alerts", token, params={"limit": str(_AT_MOST)} | _given(query))
        except (Problem, TransientError) as refused:
            _log.warning("alerts are not shown", reason=str(refused))
            return None
        return list(page["items"])

    async def alert(self, token: str, alert: str) -> Document:
        """Return an alert with its history. Raises: Problem as the notifier refuses; TransientError."""
        return await self._ask("GET", f"/v1/alerts/{alert}", token)

    async def acknowledge(self, token: str, alert: str, note: str) -> None:
        """Acknowledge an alert. Raises: as `alert`."""
        await self._ask("POST", f"/v1/alerts/{alert}/ack", token, json={"note": note})

    async def _ask(self, method: str, path: str, token: str, **about: Any) -> Document:
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with httpx.AsyncClient(base_url=self._address, timeout=_WITHIN_S) as client:
                response = await client.request(method, path, headers=headers, **about)
            content = msgspec.json.decode(response.content) if response.content else {}
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            raise TransientError(f"the notifier does not answer ({type(error).__name__})") from error
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise TransientError(f"the notifier answered {response.status_code}")
        if response.is_error:
            raise Problem(response.status_code, str(content.get("code", "refused")), str(content.get("detail", "")))
        return dict(content)


def _given(query: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in query.items() if value is not None}
