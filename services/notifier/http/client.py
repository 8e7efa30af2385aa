"""The API from the other side: what the commands call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx

from shared.runtime.errors import PermanentError, TransientError

_ANSWER_WITHIN_S: Final = 120.0
"""The API checks and writes a directory of all villages before it answers."""
_TYPES: Final = {
    ".yaml": "application/yaml", ".yml": "application/yaml", ".json": "application/json", ".csv": "text/csv",
}  # fmt: skip


class Client:
    """Calls a running notifier with a token. Raises: PermanentError where it refuses, TransientError without answer."""

    def __init__(self, url: str, token_file: Path, transport: httpx.BaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        try:
            token = token_file.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise PermanentError(f"{token_file} cannot be read ({error}); name a file that holds a token") from error
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {token}"}, timeout=_ANSWER_WITHIN_S, transport=transport
        )

    def call(self, method: str, path: str, **more: Any) -> Any:
        """Return the body of a successful answer; None where there is none."""
        try:
            response = self._http.request(method, f"{self._url}{path}", **more)
            body: Any = response.json() if response.content else None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            address = f"{self._url}{path}"
            raise TransientError(f"no answer from {address} ({type(error).__name__}); is notifier up?") from error
        if response.is_success:
            return body
        faults = [_line(each) for each in body.get("errors", ()) if "message" in each]
        raise PermanentError("\n".join([*faults, str(body.get("detail", "refused without a reason"))]))

    def pages(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Yield the items of all pages of a list."""
        cursor: str | None = None
        while True:
            page = self.call("GET", path, params={**params, **({"cursor": cursor} if cursor else {})})
            yield from page["items"]
            if (cursor := page["next"]) is None:
                return

    def load_officials(self, file: Path, *, dry_run: bool) -> str:
        """Replace the directory by the file; return the line to print."""
        if file.suffix.lower() not in _TYPES:
            raise PermanentError(f"{file} must end in {', '.join(_TYPES)}, which says how it is read")
        try:
            content = file.read_bytes()
        except OSError as error:
            raise PermanentError(f"{file} cannot be read ({type(error).__name__})") from error
        body = self.call(
            "PUT", "/v1/officials", params={"dry_run": "true"} if dry_run else {}, content=content,
            headers={"Content-Type": _TYPES[file.suffix.lower()]},
        )  # fmt: skip
        if "officials" not in body:
            return "stored; in force once a replica evaluates"
        done = "would be in force" if dry_run else f"in force as version {body['version']}"
        changes = ", ".join(f"{body[name]} {name}" for name in ("added", "changed", "removed"))
        return f"{body['officials']} officials: {done}; {changes}"


def _line(fault: dict[str, Any]) -> str:
    """Return a fault of a file of officials as a line."""
    line = None if fault["line"] is None else f"line {fault['line']}"
    entry = None if fault["entry"] is None else f"official {fault['id'] or fault['entry']}"
    where = ", ".join(part for part in (line, entry, fault["field"]) if part)
    return f"{where}: {fault['message']}" if where else str(fault["message"])
