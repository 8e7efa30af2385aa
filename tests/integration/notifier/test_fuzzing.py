"""Requests that nobody thought of."""

from __future__ import annotations

from pathlib import Path

from services.notifier.app import build
from services.notifier.settings import NotifierSettings
from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_admin import ensure_topics
from shared.contracts import topics
from shared.runtime.clock import SystemClock
from tests.fuzzing import findings
from tests.serving import listening
from tests.tokens import AUDIENCE, ISSUER, Issuer

LOCAL = Path(__file__).parents[3] / "deploy" / "local" / "notifier"


async def test_schemathesis_finds_nothing(
    kafka_bootstrap: str, mongodb_uri: str, namespace: str, tmp_path: Path
) -> None:
    """What is generated from the OpenAPI document gets the answers that the document promises."""
    issuer = Issuer(SystemClock())
    settings = NotifierSettings(
        kafka_bootstrap=kafka_bootstrap,
        mongodb_uri=mongodb_uri,
        namespace=namespace,
        jwks=await issuer.write_keys(tmp_path / "jwks.json"),
        token_issuer=ISSUER,
        token_audience=AUDIENCE,
        instance="notifier-0",
        rules=LOCAL / "rules.yaml",
        officials=LOCAL / "officials.yaml",
    )
    await ensure_topics(
        KafkaAccess(kafka_bootstrap), [topics.SNAPSHOTS.under(namespace), topics.SNAPSHOTS_DEAD.under(namespace)]
    )
    async with listening(build(settings)) as url:
        found = await findings(url, issuer.token(scope="coverage:read notifier:admin"), tmp_path)
        assert found is None, found
