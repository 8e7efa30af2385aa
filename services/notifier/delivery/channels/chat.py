"""Chat through Apprise, which knows the services (ADR 0037). Only the short form of a message is sent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import apprise

from services.notifier.delivery.addresses import Gate
from services.notifier.delivery.deliveries import Delivery
from services.notifier.messages.message import Message
from shared.runtime.errors import PermanentError, TransientError

_CONNECT_TIMEOUT_S: Final = 5.0
_READ_TIMEOUT_S: Final = 10.0
"""Between two pieces of an answer."""
_TIMEOUT_S: Final = 20.0
"""For a whole message, below a claim's lease."""
_REASON_CHARS: Final = 200
"""So much of what Apprise says about a failure is kept with the delivery."""


class ChatChannel:
    """Sends through the service that an address names, such as `tgram://token/chat`."""

    def __init__(self, schemas: Collection[str], gate: Gate, threads: int, timeout_s: float = _TIMEOUT_S) -> None:
        """`schemas`: those that an address may have. `threads`: messages sent at the same time; `timeout_s` for one."""
        self._timeout_s = timeout_s
        self._schemas = frozenset(schemas)
        self._gate = gate
        # Apprise's calls block. A thread cannot be ended, so each address has one at most.
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="chat")
        self._sending: dict[str, Future[apprise.AppriseResult]] = {}
        self._asset = apprise.AppriseAsset(
            app_id="Cakupan", app_desc="Cakupan", secure_logging=True, allow_templates=False, http_redirects=False,
            image_url_mask=False,
        )  # fmt: skip
        # Its warnings may quote an address; they are kept with the delivery.
        logging.getLogger("apprise").propagate = False

    def close(self) -> None:
        """Start nothing more; what is being sent ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(self, delivery: Delivery, message: Message) -> None:
        """See the port. Apprise does not say whether a refusal will last, so only an unusable address is permanent."""
        address = delivery.channel.address
        service = await self._service(address)
        earlier = self._sending.get(address)
        if earlier is not None and not earlier.done():
            raise TransientError("an earlier try at this address still runs")
        notifier = apprise.Apprise(asset=self._asset)
        notifier.add(service)
        call = self._threads.submit(notifier.notify, body=message.short, body_format=apprise.NotifyFormat.TEXT)
        self._sending[address] = call
        try:
            async with asyncio.timeout(self._timeout_s):
                result = await asyncio.wrap_future(call)
        except TimeoutError as error:
            raise TransientError(f"the chat service did not answer within {self._timeout_s:g} s") from error
        finally:
            if call.done():
                self._sending.pop(address, None)
        if not result:
            raise TransientError(f"the chat service did not take it: {_said(result)}")

    async def _service(self, address: str) -> Any:
        """Return Apprise's service for the address. What the address says of TLS, time-outs or errors is not heard.

        Raises: PermanentError where the address is none, has a schema that is not allowed, or leads to a private host.
        """
        schema = address.partition("://")[0].lower()
        if schema not in self._schemas:
            raise PermanentError(f"{schema}:// is not among chat_schemas; correct the official's entry")
        service = apprise.Apprise.instantiate(address, asset=self._asset)
        if service is None:
            raise PermanentError(f"this is no address of {schema}://; correct the official's entry")
        templates: tuple[str, ...] = service.templates
        if any("{host}" in template for template in templates):
            await self._gate.addresses(service.host, service.port or 443)
        service.verify_certificate, service.redirects, service.optional = True, False, False
        service.retry = 0
        service.socket_connect_timeout, service.socket_read_timeout = _CONNECT_TIMEOUT_S, _READ_TIMEOUT_S
        return service


def _said(result: apprise.AppriseResult) -> str:
    lines = [entry.message for each in result.results for entry in each.logs() if entry.level in ("WARNING", "ERROR")]
    return (" ".join(lines[-1].split()) if lines else "no reason given")[:_REASON_CHARS]
