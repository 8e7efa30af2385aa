"""Sends a file of reference data to the API for the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import httpx

from shared.runtime.errors import PermanentError, TransientError

_TYPES: Final = {".csv": "text/csv", ".json": "application/json"}
_ANSWER_WITHIN_S: Final = 120.0
"""The API checks and writes a file of all villages before it answers."""


def upload(kind: str, file: Path, url: str, token: str, *, dry_run: bool) -> str:
    """Send the file and return the line to print.

    Raises: PermanentError with a line for each error where the API refuses the file, or where the file has another
    ending or cannot be read; TransientError where the API gives no answer.
    """
    if file.suffix.lower() not in _TYPES:
        raise PermanentError(f"{file} must end in {' or '.join(_TYPES)}, which says how it is read")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": _TYPES[file.suffix.lower()]}
    address, params = f"{url.rstrip('/')}/v1/{kind}", {"dry_run": "true"} if dry_run else {}
    try:
        content = file.read_bytes()
        response = httpx.put(address, params=params, content=content, headers=headers, timeout=_ANSWER_WITHIN_S)
        body = response.json()
    except OSError as error:
        raise PermanentError(f"{file} cannot be read ({type(error).__name__})") from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise TransientError(f"no answer from {address} ({type(error).__name__}); is coverage up?") from error
    if not response.is_success:
        errors = [_line(error) for error in body.get("errors", ()) if "row" in error]
        raise PermanentError("\n".join([*errors, str(body.get("detail", "refused without a reason"))]))
    done = f"{body['recorded']} recorded" if "recorded" in body else f"{body['would_record']} would be recorded"
    return f"{body['rows']} rows: {done}, {body['unchanged']} unchanged"


def _line(error: dict[str, Any]) -> str:
    region = f" ({error['region']})" if error["region"] else ""
    field = f", {error['field']}" if error["field"] else ""
    return f"row {error['row']}{region}{field}: {error['wrong']}; {error['fix']}"
