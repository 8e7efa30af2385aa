"""Problems (RFC 9457): the body of every refusal."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from fastapi.responses import JSONResponse

PROBLEM_TYPE: Final = "application/problem+json"
_RETRY_AFTER_S: Final = 1
"""What is too much now is mostly done a second later."""


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """Ends a request with a problem body: status, code, what is wrong and what to do."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.members = members

    def response(self) -> JSONResponse:
        """Return the answer to send."""
        body = {
            "type": f"urn:cakupan:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            **self.members,
        }
        return JSONResponse(body, self.status, headers=self.headers, media_type=PROBLEM_TYPE)


def retry_after() -> dict[str, str]:
    """Return the header that says after how many seconds to try again."""
    return {"Retry-After": str(_RETRY_AFTER_S)}
