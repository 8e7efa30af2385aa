"""Asks a running registry to erase a person, as the command does."""

from __future__ import annotations

from typing import Any, Final

import httpx

from shared.runtime.errors import TransientError

_ANSWER_WITHIN_S: Final = 30.0


def call_erase(scheme: str, value: str, force: bool, url: str, token: str) -> tuple[bool, str]:
    """Return whether the person was erased, and the registry's answer as a line to print.

    The identity travels in the body and appears in no message.
    Raises: TransientError when the registry cannot be reached.
    """
    address = f"{url.rstrip('/')}/v1/participants/erase"
    body: dict[str, Any] = {"identity": {"scheme": scheme, "value": value}, "force": force}
    try:
        headers = {"Authorization": f"Bearer {token}"}
        response = httpx.post(address, json=body, headers=headers, timeout=_ANSWER_WITHIN_S)
        answer: dict[str, Any] = response.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise TransientError(f"no answer from {address} ({type(error).__name__}); is the registry up?") from None
    if response.is_success:
        return True, f"erased; identities forgotten: {answer['identities']}"
    return False, f"{answer.get('code', response.status_code)}: {answer.get('detail', 'no reason was given')}"
