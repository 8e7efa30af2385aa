"""The processes of the stack beside its servers: what each is called with, and where it answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local.home import Home
from deploy.local.keys import AUDIENCE, ISSUER
from shared.adapters.kafka_access import KafkaAccess

_NOTIFIER_FILES: Final = Path(__file__).parent / "notifier"


@dataclass(frozen=True, slots=True)
class Ground:
    """What a stack's processes stand on: the servers, the ports by name, the folder."""

    home: Home
    host: str
    ports: Mapping[str, int]
    kafka: KafkaAccess
    mongodb_uri: str
    namespace: str

    def url(self, name: str) -> str:
        """Return the base URL of a part."""
        return f"http://{self.host}:{self.ports[name]}"


@dataclass(frozen=True, slots=True)
class Part:
    """One process; ready when `GET /health/ready` on its port says so."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


Parts = Callable[[Ground], Sequence[Part]]
"""Makes the services' processes; a test may give stand-ins."""


def mailbox(ground: Ground) -> Part:
    """Return the mail server with its page."""
    environment = {
        "MAILBOX_FOLDER": str(ground.home.mailbox),
        "MAILBOX_HOST": ground.host,
        "MAILBOX_PORT": str(ground.ports["mailbox"]),
        "MAILBOX_SMTP_PORT": str(ground.ports["smtp"]),
    }
    return Part("mailbox", (sys.executable, "-m", "deploy.local.mailbox"), environment)


def services(ground: Ground) -> Sequence[Part]:
    """Return the three services, each one replica."""
    own = {
        "registry": {"REGISTRY_IDENTITY_KEY_FILE": str(ground.home.keys / "identity.key")},
        "coverage": {},
        "notifier": {
            "NOTIFIER_SMTP_HOST": ground.host,
            "NOTIFIER_SMTP_PORT": str(ground.ports["smtp"]),
            "NOTIFIER_SMTP_SENDER": "Cakupan <cakupan@cakupan.local>",
            "NOTIFIER_RULES": str(_NOTIFIER_FILES / "rules.yaml"),
            "NOTIFIER_OFFICIALS": str(_NOTIFIER_FILES / "officials.yaml"),
            "NOTIFIER_PAGES_URL": ground.url("coverage"),
        },
    }
    return [_service(name, ground, environment) for name, environment in own.items()]


def _service(name: str, ground: Ground, own: Mapping[str, str]) -> Part:
    environment = {
        "CAKUPAN_KAFKA_BOOTSTRAP": ground.kafka.bootstrap,
        "CAKUPAN_MONGODB_URI": ground.mongodb_uri,
        "CAKUPAN_NAMESPACE": ground.namespace,
        "CAKUPAN_JWKS": str(ground.home.keys / "jwks.json"),
        "CAKUPAN_TOKEN_ISSUER": ISSUER,
        "CAKUPAN_TOKEN_AUDIENCE": AUDIENCE,
        "CAKUPAN_INSTANCE": f"{name}-0",
        "CAKUPAN_HOST": ground.host,
        f"{name.upper()}_PORT": str(ground.ports[name]),
    }
    program = Path(sys.executable).parent / f"cakupan-{name}"
    return Part(name, (str(program), "serve"), {**environment, **own})
