"""The list of every route with who may call it, made from the services' own OpenAPI documents."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from services.coverage.app import build as build_coverage
from services.coverage.settings import CoverageSettings
from services.notifier.app import build as build_notifier
from services.notifier.settings import NotifierSettings
from services.registry.app import build as build_registry
from services.registry.settings import RegistrySettings

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_HEAD: Final = """# Every route, and who may call it

Made by `make contracts` from the services' OpenAPI documents; CI compares it. A change here is a change of who sees
what: read it as one. `/docs` and `/openapi.json` are anyone's, too. What of a region a token reads depends on its
claims: ADR 0033.

| service | route | who may call |
|---|---|---|
"""
_OPERATORS: Final = "\n".join(
    f"| all, operators' port | `GET {path}` | whoever reaches the port: loopback unless told |"
    for path in ("/health/live", "/health/ready", "/metrics")
)


def routes() -> str:
    """Return the list as Markdown."""
    listed = ((service, *route) for service, api in _applications() for route in sorted(_routes_of(api)))
    lines = [f"| {service} | `{route}` | {who} |" for service, route, who in listed]
    return _HEAD + "\n".join(lines) + f"\n{_OPERATORS}\n"


def _applications() -> Iterator[tuple[str, FastAPI]]:
    """Yield the services, built from settings of no place: nothing is started, and nothing connected to."""
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "secret.key"
        key.write_text(secrets.token_hex(32))
        yield "registry", build_registry(RegistrySettings(identity_key_file=key))
        yield "coverage", build_coverage(CoverageSettings())
        yield "notifier", build_notifier(NotifierSettings(ack_key_file=key))


def _routes_of(api: FastAPI) -> Iterator[tuple[str, str]]:
    for path, operations in api.openapi()["paths"].items():
        for method in _METHODS:
            if method in operations:
                who = "whoever has the link of a message" if path.startswith("/ack/") else _who(operations[method])
                yield f"{method.upper()} {path}", who


def _who(operation: dict[str, Any]) -> str:
    """Return who may call, in words."""
    if "security" not in operation:
        return "anyone"
    scopes = sorted({scope for one in operation["security"] for scope in one.get("bearer", ())})
    if scopes:
        return f"a token with {' and '.join(f'`{scope}`' for scope in scopes)}"
    if "401" in operation["responses"]:
        return "anyone, for what the public sees; a token with `coverage:read` for all else"
    return "anyone"
