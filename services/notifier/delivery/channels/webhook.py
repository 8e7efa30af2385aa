"""Webhooks: a CloudEvent over HTTPS, signed (docs/webhooks.md)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

from services.notifier.delivery.addresses import Gate
from services.notifier.delivery.deliveries import Delivery
from services.notifier.delivery.ports import TryLaterError
from services.notifier.engine.instants import to_ms, to_text
from services.notifier.messages.message import Message
from shared.runtime.clock import Clock
from shared.runtime.errors import PermanentError, TransientError

_STEP_TIMEOUT_S: Final = 10.0
"""For connecting and for each read; a webhook should answer first and work afterwards."""
_TIMEOUT_S: Final = 15.0
"""For a whole call, below a claim's lease."""
_READ_BYTES: Final = 2048
"""So much of the answer is read: enough for a reason; an endless one costs nothing."""
_REASON_CHARS: Final = 200
"""So much of the answer is kept with the delivery."""
_LAST_PORT: Final = 65_535
"""TCP has no higher one; httpx takes any number."""
_LONGEST_PAUSE: Final = timedelta(hours=24)
"""A longer Retry-After is beyond the time in which a delivery is tried."""
_TRY_AGAIN: Final = frozenset({408, 421, 425, 429})
"""Answers of the 4xx that do not say that the request is wrong."""

TIMESTAMP_HEADER: Final = "Cakupan-Timestamp"
SIGNATURE_HEADER: Final = "Cakupan-Signature"


class WebhookChannel:
    """Posts messages to the addresses of officials' own systems."""

    def __init__(
        self,
        keys_file: Path | None,
        source: str,
        gate: Gate,
        clock: Clock,
        authorities: Path | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        """Read the authorities. `keys_file`: keys, one a line. `source`: the CloudEvents source. `timeout_s`: for a
        whole call.
        """
        self._keys_file = keys_file
        self._source = source
        self._gate = gate
        self._clock = clock
        self._timeout_s = timeout_s
        # A connection serves one call: it is pinned to an address, and is verified for one host name only.
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=authorities),
            timeout=_STEP_TIMEOUT_S,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            follow_redirects=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """End the client."""
        await self._client.aclose()

    async def send(self, delivery: Delivery, message: Message) -> None:
        """See the port. A redirect and an answer of the 4xx are permanent, but for a few that ask to come again."""
        url = _url(delivery.channel.address)
        body = cloud_event(delivery, message, self._source)
        timestamp = str(int(self._clock.now().timestamp()))
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "User-Agent": "cakupan-notifier",
            TIMESTAMP_HEADER: timestamp,
            SIGNATURE_HEADER: signature(self._keys(), timestamp, body),
        }
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._post(url, headers, body)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            raise TransientError(f"the webhook did not answer as it should: {error!r}") from error

    async def _post(self, url: httpx.URL, headers: dict[str, str], body: bytes) -> None:
        addresses = await self._gate.addresses(_host(url), url.port or 443)
        if url.scheme == "http" and not all(self._gate.is_allowed(address) for address in addresses):
            raise PermanentError("a webhook outside private_networks needs https; correct the official's entry")
        for address in addresses[:-1]:
            try:
                return await self._post_to(address, url, headers, body)
            except httpx.ConnectError:
                continue
        return await self._post_to(addresses[-1], url, headers, body)

    async def _post_to(self, address: str, url: httpx.URL, headers: dict[str, str], body: bytes) -> None:
        """Post to this address of the host; certificate and Host header are those of the host's name."""
        pinned = url.copy_with(host=address)
        headers = {**headers, "Host": url.netloc.decode()}
        request = self._client.build_request(
            "POST", pinned, headers=headers, content=body, extensions={"sni_hostname": _host(url)}
        )
        answer = await self._client.send(request, stream=True)
        try:
            if not answer.is_success:
                raise self._refused(answer, await _beginning(answer))
        finally:
            await answer.aclose()

    def _refused(self, answer: httpx.Response, said: str) -> TransientError | PermanentError:
        status = answer.status_code
        text = f"the webhook answered {status}: {said}" if said else f"the webhook answered {status}"
        if answer.is_redirect:
            return PermanentError(f"{text}; redirects are not followed: correct the official's entry")
        if answer.is_client_error and status not in _TRY_AGAIN:
            return PermanentError(f"{text}; correct the official's entry or the receiving system")
        pause = retry_after(answer.headers.get("Retry-After"), self._clock.now())
        return TryLaterError(text, pause) if pause else TransientError(text)

    def _keys(self) -> list[bytes]:
        """Return the keys, read anew so that changing one needs no restart."""
        lines = self._keys_file.read_bytes().splitlines() if self._keys_file is not None else []
        keys = [key for line in lines if (key := line.strip())]
        if not keys:
            raise TransientError("there is no key to sign webhooks with: set NOTIFIER_WEBHOOK_KEYS_FILE")
        return keys


def _url(address: str) -> httpx.URL:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise PermanentError("this is no web address; correct the official's entry") from error
    if url.scheme not in ("https", "http") or not url.host or (url.port or 0) > _LAST_PORT:
        raise PermanentError("this is no web address; correct the official's entry")
    return url


def _host(url: httpx.URL) -> str:
    """Return the host as DNS and certificates write it."""
    return url.raw_host.decode("ascii").strip("[]")


async def _beginning(answer: httpx.Response) -> str:
    read = b""
    async for chunk in answer.aiter_raw():
        read += chunk
        if len(read) >= _READ_BYTES:
            break
    said = " ".join(read[:_READ_BYTES].decode("utf-8", "replace").split())
    return "".join(letter for letter in said if letter.isprintable())[:_REASON_CHARS]


def signature(keys: Sequence[bytes], timestamp: str, body: bytes) -> str:
    """Return the signature's header: `v1=` and the HMAC-SHA256 of `timestamp.body` in hex, for each key."""
    signed = timestamp.encode() + b"." + body
    return ", ".join("v1=" + hmac.new(key, signed, hashlib.sha256).hexdigest() for key in keys)


def retry_after(value: str | None, now: datetime) -> timedelta:
    """Return the pause that a Retry-After header asks for, at most a day; none where there is no such header."""
    if not value:
        return timedelta()
    try:
        pause = timedelta(seconds=int(value)) if value.isascii() and value.isdigit() else _until(value, now)
    except (ValueError, OverflowError):
        return timedelta()
    return min(max(pause, timedelta()), _LONGEST_PAUSE)


def _until(value: str, now: datetime) -> timedelta:
    at = parsedate_to_datetime(value)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) - now


def cloud_event(delivery: Delivery, message: Message, source: str) -> bytes:
    """Return the body. The same delivery and message always give the same bytes."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": delivery.id,
        "source": source,
        "type": f"cakupan.alert.{delivery.occasion.value}.v1",
        "time": to_text(to_ms(delivery.told_at)),
        "datacontenttype": "application/json",
        "data": {
            "occasion": delivery.occasion.value,
            "official": delivery.official.id,
            "alerts": [
                {"id": alert, "rule": rule, "region": region}
                for alert, rule, region in zip(delivery.alerts, delivery.rules, delivery.regions, strict=True)
            ],
            "is_digest": message.is_digest,
            "language": delivery.official.language,
            "subject": message.subject,
            "text": message.text,
            "short": message.short,
        },
    }
    return msgspec.json.encode(event)
