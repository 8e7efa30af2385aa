"""Looks round each second: hold times that have run out, and numbers of what stands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from services.notifier.application.evaluate import Evaluator
from services.notifier.application.ports import Gauges, Metrics
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.logging import logger

_log = logger(__name__)

_EVERY_S: Final = 1.0
"""How late the end of a hold time may be noticed."""


class Watch:
    """Lets time pass where no snapshot comes."""

    def __init__(self, evaluator: Evaluator, is_level: Callable[[str], bool], gauges: Gauges, metrics: Metrics) -> None:
        self._evaluator = evaluator
        self._is_level = is_level
        self._gauges = gauges
        self._metrics = metrics

    async def run(self) -> None:
        """Look round until cancelled."""
        while True:
            try:
                await self.look()
            except (TransientError, PermanentError) as error:
                _log.warning("could not look round", error=str(error))
            await asyncio.sleep(_EVERY_S)

    async def look(self) -> None:
        """End the hold times that are over, and show what stands."""
        await self._evaluator.look_again(self._is_level)
        self._metrics.standing(await self._gauges.phases(), await self._gauges.waiting_deliveries())
