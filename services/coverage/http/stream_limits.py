"""How long a stream lasts, and how many an address may have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from shared.adapters.http_api import Bearer
from shared.adapters.http_problem import Problem
from shared.adapters.http_shares import Share, address_of
from shared.runtime.clock import Clock
from shared.runtime.errors import TransientError

T = TypeVar("T")


@dataclass(frozen=True)
class StreamLimits:
    """A stream ends after `longest`, and as soon as its caller's token would be refused; its client connects again."""

    share: Share
    longest: timedelta
    clock: Clock
    bearer: Bearer

    def demand_room(self, request: Request) -> None:
        """Raise Problem 429 where the caller's address has as many streams as it may."""
        if refusal := self.share.refusal(address_of(request.scope), "streams"):
            raise refusal

    async def within(self, request: Request, items: AsyncIterator[T]) -> AsyncIterator[T]:
        """Yield the items until the stream is over."""
        until = self.clock.now() + self.longest
        async for item in items:
            if self.clock.now() >= until or not await self._is_allowed(request):
                return
            yield item

    async def _is_allowed(self, request: Request) -> bool:
        """Say whether the caller's token would still be taken: it has not expired, and its key is not withdrawn."""
        try:
            await self.bearer.caller(request)
        except (Problem, TransientError):
            return False
        return True


class CountedStream(StreamingResponse):
    """A stream that counts in its address's share while it is sent, also where the client leaves before it begins."""

    def __init__(self, share: Share, content: AsyncIterator[bytes], **about: Any) -> None:
        super().__init__(content, **about)
        self._share = share

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        with self._share.taking(address_of(scope)):
            await super().__call__(scope, receive, send)
