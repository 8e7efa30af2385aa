"""Every service over SASL/SCRAM and TLS, on a real broker: in with the right login, and only with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from deploy.local.jars import kafka_jars
from deploy.local.kafka import Kafka
from deploy.local.ports import free_ports
from services.coverage.app import build as build_coverage
from services.coverage.settings import CoverageSettings
from services.notifier.app import build as build_notifier
from services.notifier.settings import NotifierSettings
from services.registry.app import build
from services.registry.settings import RegistrySettings
from shared.adapters.kafka_admin import ensure_topics
from shared.contracts import topics
from tests.certificates import Authority
from tests.factories_registry import raw
from tests.integration.registry.facts_topic import facts_topic
from tests.integration.registry.serving import make_topics
from tests.serving import OPERATORS, served
from tests.tokens import Issuer
from tests.waiting import eventually

LOCAL = Path(__file__).parents[3] / "deploy" / "local"
USER, PASSWORD = "registry", "right-and-long"
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256")


@dataclass
class Secured:
    """A broker that asks for a login, and what its clients are given."""

    folder: Path
    bootstrap: str

    def access(self, **over: Any) -> dict[str, Any]:
        """Return the settings of a client that may come in, with these in place of its own."""
        return {
            "kafka_bootstrap": self.bootstrap,
            "kafka_security_protocol": "SASL_SSL",
            "kafka_ca_file": self.folder / "ca.pem",
            "kafka_sasl_username": USER,
            "kafka_sasl_password_file": self.file("right", PASSWORD),
        } | over

    def file(self, name: str, text: str) -> Path:
        """Return a file that holds the text."""
        file = self.folder / name
        file.write_text(text + "\n")
        return file


@pytest.fixture(scope="module")
async def secured(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Secured]:
    """A broker of this module's own, with a secure listener."""
    folder = tmp_path_factory.mktemp("secured")
    authority = Authority("those who run Kafka")
    authority.write(folder / "ca.pem")
    keystore = authority.write_keystore(folder / "broker.pem")
    plain, controller, port = free_ports(3)
    secure, scram = f"127.0.0.1:{port}", [f"{name}=[name={USER},password={PASSWORD}]" for name in MECHANISMS]
    login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    settings = {
        "listeners": f"PLAINTEXT://127.0.0.1:{plain},SASL_SSL://{secure},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{plain},SASL_SSL://{secure}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL",
        "sasl.enabled.mechanisms": ",".join(MECHANISMS),
        **{f"listener.name.sasl_ssl.{name.lower()}.sasl.jaas.config": login for name in MECHANISMS},
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": keystore,
    }
    jars = await kafka_jars(folder / "maven.log")
    added = [word for user in scram for word in ("--add-scram", user)]
    kafka = Kafka(folder / "kafka", jars, folder / "kafka.log", (plain, controller), settings, added)
    try:
        await kafka.start()
        yield Secured(folder, secure)
    finally:
        await kafka.stop()


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_with_the_right_login_the_registry_takes_tells_and_publishes(
    secured: Secured, settings: RegistrySettings, mechanism: str
) -> None:
    """Facts of the topic, the rejected topic, and the relay: all its clients come in."""
    settings = settings.model_copy(update=secured.access(kafka_sasl_mechanism=mechanism))
    await make_topics(settings)
    async with served(build(settings)) as http, facts_topic(settings) as topic:
        await topic.put(raw(id="f-0", data={"region": "99.01"}), raw())
        assert [told.code for told in await topic.told(1)] == ["unknown_region"]
        (change,) = await topic.published(1)
        assert change.source == "bpjs/aceh"
        await eventually(lambda: _ready(http))


@pytest.mark.parametrize("service", ["coverage", "notifier"])
async def test_with_the_right_login_the_others_are_ready(
    secured: Secured, settings: RegistrySettings, service: str
) -> None:
    """Their reader has its partitions, which it gets from nobody who is not let in."""
    common = settings.model_dump(include={"mongodb_uri", "namespace", "jwks", "instance"}) | secured.access()
    access = settings.model_copy(update=secured.access()).kafka
    await ensure_topics(access, [topic.under(settings.namespace) for topic in (topics.CHANGES, topics.SNAPSHOTS)])
    if service == "notifier":
        common |= {"ack_key_file": settings.identity_key_file, "rules": LOCAL / "notifier/rules.yaml"}
    async with served(_other(service, common)) as http:
        await eventually(lambda: _ready(http))


async def _ready(http: httpx.AsyncClient) -> bool:
    return (await http.get(f"http://{OPERATORS}/health/ready")).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [("password", "invalid credentials"), ("authority", "CERTIFICATE_VERIFY_FAILED"), ("protocol", "closed")],
)
async def test_whoever_is_not_let_in_says_so_and_goes_on_trying(
    secured: Secured,
    settings: RegistrySettings,
    issuer: Issuer,
    wrong: str,
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not ready, with the reason in the log; the process lives, and facts by HTTP wait in the ledger."""
    settings = settings.model_copy(update=secured.access(**_wrong(secured, wrong)))
    async with served(build(settings)) as http:

        async def says_so() -> bool:
            checks = (await http.get(f"http://{OPERATORS}/health/ready")).json()["checks"]
            return "does not let us in" in checks["facts"] and reason in caplog.text

        await eventually(says_so)
        posted = await http.post(
            "/v1/facts",
            content=raw(),
            headers={"content-type": "application/json", "authorization": f"Bearer {issuer.token()}"},
        )
        assert posted.status_code == 202
        assert (await http.get("/health/live")).status_code == 200
    assert PASSWORD not in caplog.text


def _other(service: str, common: dict[str, Any]) -> FastAPI:
    if service == "coverage":
        return build_coverage(CoverageSettings(**common))
    return build_notifier(NotifierSettings(**common))


def _wrong(secured: Secured, what: str) -> dict[str, Any]:
    if what == "password":
        return {"kafka_sasl_password_file": secured.file("wrong", "wrong-and-long")}
    if what == "authority":
        return {"kafka_ca_file": Authority("somebody else").write(secured.folder / "other.pem")}
    return dict.fromkeys(("kafka_ca_file", "kafka_sasl_username", "kafka_sasl_password_file"), None) | {
        "kafka_security_protocol": "PLAINTEXT"
    }
