"""Shares of what is being answered at once, so that callers without a token leave room for those who have one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.adapters.http_problem import Problem, retry_after

_EXEMPT: Final = "/health/"
"""Probes have no token, and their answer is short."""


class Share:
    """How many of something each address may have at once, and all addresses together."""

    def __init__(self, an_address: int, in_all: int | None = None) -> None:
        self._an_address = an_address
        self._in_all = in_all
        self._taken: Counter[str] = Counter()

    def refusal(self, address: str, what: str) -> Problem | None:
        """Return why this address may have no more, or None."""
        if self._taken[address] >= self._an_address:
            detail = f"your address has {self._an_address} {what} at once; wait until one has ended"
            return Problem(429, "too_many_at_once", detail, headers=retry_after())
        if self._in_all is not None and self._taken.total() >= self._in_all:
            detail = f"there are too many {what} now; come back, or send a token"
            return Problem(503, "too_many_at_once", detail, headers=retry_after())
        return None

    @contextmanager
    def taking(self, address: str) -> Iterator[None]:
        """Count one for the address during the block."""
        self._taken[address] += 1
        try:
            yield
        finally:
            self._taken[address] -= 1
            if not self._taken[address]:
                del self._taken[address]


def has_header(scope: Scope) -> bool:
    """Say whether a request comes with a token in its header."""
    return any(name == b"authorization" for name, _ in scope["headers"])


def answer_of(_scope: Scope, problem: Problem) -> Response:
    """Return the answer of a refusal to a program."""
    return problem.response()


@dataclass(frozen=True, slots=True)
class Door:
    """How a service knows a token, and how it refuses; one with pages does both in its own way."""

    has_token: Callable[[Scope], bool] = has_header
    refusal: Callable[[Scope, Problem], Response] = answer_of


PROGRAMS: Final = Door()
"""Of a service that only programs call."""


class AnonymousShare:
    """ASGI middleware. Requests without a token have a share of their own, each address a part of it.

    A request with a bad token is answered 401 before its body is read, so that it occupies next to nothing.
    """

    def __init__(self, app: ASGIApp, share: Share, door: Door = PROGRAMS) -> None:
        self._app = app
        self._share = share
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the request, or refuse it."""
        is_free = scope["type"] != "http" or scope["path"].startswith(_EXEMPT)
        if is_free or self._door.has_token(scope):
            await self._app(scope, receive, send)
            return
        address = address_of(scope)
        if refusal := self._share.refusal(address, "requests without a token"):
            await self._door.refusal(scope, refusal)(scope, receive, send)
            return
        with self._share.taking(address):
            await self._app(scope, receive, send)


def address_of(scope: Scope) -> str:
    """Return the address that a request came from; uvicorn has put in what a proxy of ours says."""
    return scope["client"][0] if scope.get("client") else "unknown"
