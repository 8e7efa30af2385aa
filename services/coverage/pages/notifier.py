"""The notifier's API, asked with the reader's own token; it may be unreachable, and pages stand without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import Any, Final, TypeVar

import httpx
import msgspec

from shared.adapters.http_problem import Problem
from shared.runtime.errors import TransientError
from shared.runtime.logging import logger

_log = logger(__name__)
_BESIDE_FIGURES_S: Final = 1.0
"""A page of figures waits no longer for alerts: its figures are here."""
_ALONE_S: Final = 10.0
"""A page of alerts has nothing else to show, and whoever has pressed the button wants to know what came of it."""
_KEPT_OPEN_S: Final = 2.0
"""A connection that is idle so long is closed here; the notifier's server closes it after five seconds, and a request
that met this would fail."""
_AWAY_S: Final = 1.0
"""So long a notifier that did not answer is not asked again for a page of figures: each would wait, and log it."""
_AT_MOST: Final = 100
"""Alerts a page shows."""
FIRING: Final = ("firing", "recovering")
"""An alert fires until it has recovered (alerts.md)."""

T = TypeVar("T")
Words = Mapping[str, str]
"""A text by language."""


class Answer(msgspec.Struct, frozen=True):
    """Who acknowledged an alert, when, and with which words."""

    by: str
    at: datetime
    note: str


class Alert(msgspec.Struct, frozen=True):
    """An alert as the notifier lists it; fields that no page shows are not read."""

    id: str
    rule: str
    title: Words | None
    severity: str
    region: str
    name: str
    state: str
    raised_at: datetime
    ended_at: datetime | None
    because_potential: bool
    acknowledged: Answer | None

    @property
    def waits(self) -> bool:
        """Whether it fires and nobody has acknowledged it."""
        return self.state in FIRING and self.acknowledged is None


class Decision(msgspec.Struct, frozen=True):
    """What was decided about an alert, in words."""

    at: datetime
    words: Words


class Child(msgspec.Struct, frozen=True):
    """A region right below, and its part of what raised the alert."""

    region: str
    name: str
    number: int


class Children(msgspec.Struct, frozen=True):
    """The regions right below that contributed most."""

    reason: str
    items: Sequence[Child]


class NextStep(msgspec.Struct, frozen=True):
    """The next escalation, unless somebody acknowledges."""

    at: datetime
    roles: Sequence[str]
    officials: Sequence[str]


class Report(msgspec.Struct, frozen=True):
    """An alert with what happened to it, what contributed most, and who hears next."""

    alert: Alert
    history: Sequence[Decision]
    children: Children | None
    next_escalation: NextStep | None


class _Page(msgspec.Struct, frozen=True):
    items: list[Alert]


class Notifier:
    """Asks for alerts and passes acknowledgements on."""

    def __init__(self, address: str) -> None:
        # Made once: its certificates take longer than a request, and a connection is used again.
        self._http = httpx.AsyncClient(base_url=address, limits=httpx.Limits(keepalive_expiry=_KEPT_OPEN_S))
        self._away_until_s = 0.0

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def alerts(self, token: str, region: str | None = None) -> list[Alert] | None:
        """Return alerts of a region and below, newest first, at most 100; None where they cannot be had now.

        Without a region: all that the token may see. With one: only those that wait for an answer. Quiet ones, of which
        nobody was told since they were so at first sight, are left out: a quota of the first day has thousands.
        """
        query: dict[str, Any] = {"limit": _AT_MOST, "quiet": "false"}
        within_s = _ALONE_S if region is None else _BESIDE_FIGURES_S
        if region is not None:
            if monotonic() < self._away_until_s:
                return None
            query |= {"region": region, "state": FIRING, "acknowledged": "false"}
        try:
            return (await self._ask(_Page, "GET", "/v1/alerts", token, within_s, params=query)).items
        except TransientError as away:
            self._away_until_s = monotonic() + _AWAY_S
            _log.warning("alerts are not shown", reason=str(away))
        except Problem as refused:
            _log.warning("alerts are not shown", reason=str(refused))
        return None

    async def report(self, token: str, alert: str) -> Report:
        """Return an alert with its history. Raises: Problem as the notifier refuses; TransientError."""
        return await self._ask(Report, "GET", f"/v1/alerts/{alert}", token)

    async def acknowledge(self, token: str, alert: str, note: str) -> None:
        """Acknowledge an alert. Raises: as `report`."""
        await self._ask(dict, "POST", f"/v1/alerts/{alert}/ack", token, json={"note": note})

    async def _ask(
        self, kind: type[T], method: str, path: str, token: str, within_s: float = _ALONE_S, **about: Any
    ) -> T:
        headers = {"Authorization": f"Bearer {token}"}
        try:
            response = await self._http.request(method, path, headers=headers, timeout=within_s, **about)
            if response.is_client_error:
                refusal = msgspec.json.decode(response.content, type=dict[str, Any])
                raise Problem(response.status_code, str(refusal.get("code")), str(refusal.get("detail")))
            response.raise_for_status()
            return msgspec.json.decode(response.content, type=kind)
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            raise TransientError(f"the notifier does not answer as it should ({type(error).__name__})") from error
