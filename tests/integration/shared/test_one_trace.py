"""One fact is one trace, from its HTTP request to the official's mail, through all three services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from opentelemetry.sdk.trace import ReadableSpan

from services.coverage.app import build as coverage
from services.coverage.settings import CoverageSettings
from services.notifier.app import build as notifier
from services.notifier.delivery.deliveries import document_of
from services.notifier.files.official_files import officials_of
from services.notifier.files.yaml_lines import Document
from services.notifier.live.inputs import Inputs
from services.notifier.settings import NotifierSettings
from services.registry.app import build as registry
from shared.adapters.kafka_admin import ensure_topics
from shared.adapters.mongo import Mongo
from shared.contracts import topics
from shared.runtime.clock import SystemClock
from tests.factories_registry import VILLAGE, raw
from tests.integration.notifier.mail_server import MailServer
from tests.integration.registry.serving import CLOUDEVENT, settings_in
from tests.serving import served
from tests.spans import A, Spans, recorded, traceparent
from tests.tokens import Issuer
from tests.waiting import eventually

RULE = {
    "id": "anybody", "title": {"id": "judul", "en": "title"}, "kind": "people", "measure": "active",
    "direction": "above", "raise_at": "1", "clear_below": "1", "levels": ["village"], "hears": ["kepala_desa"],
    "group_wait": "0s", "first_sight": "tell",
}  # fmt: skip
OFFICIAL = {
    "id": "head", "name": "Head", "role": "kepala_desa", "region": VILLAGE,
    "channels": [{"kind": "email", "address": "head@example.id"}],
}  # fmt: skip


async def test_one_fact_is_one_trace_from_its_request_to_the_mail(
    kafka_bootstrap: str, mongodb_uri: str, namespace: str, tmp_path: Path
) -> None:
    """Each step continues the one before it: request, group commit, relay, apply, snapshots, decision, delivery."""
    issuer, mails = Issuer(SystemClock()), MailServer()
    of_registry = await settings_in(tmp_path, issuer, kafka_bootstrap, mongodb_uri, namespace)
    common = of_registry.model_dump(include={"kafka_bootstrap", "mongodb_uri", "namespace", "jwks", "token_issuer"})
    ack_key, rules = tmp_path / "ack.key", tmp_path / "rules.yaml"
    ack_key.write_text("0f" * 32)
    rules.write_text(yaml.safe_dump({"rules": [RULE]}))
    await ensure_topics(of_registry.kafka, [topic.under(namespace) for topic in topics.ALL])
    async with mails.listening():
        of_notifier = NotifierSettings(
            **common, instance="notifier-0", smtp_port=mails.port, smtp_tls="none", ack_key_file=ack_key, rules=rules
        )
        await give_official(of_notifier)
        with recorded() as spans:
            async with (
                served(notifier(of_notifier)),
                served(coverage(CoverageSettings(**common, instance="coverage-0"))),
                served(registry(of_registry)) as http,
            ):
                headers = CLOUDEVENT | {"authorization": f"Bearer {issuer.token()}", "traceparent": A}
                assert (await http.post("/v1/facts", content=paid_fact(), headers=headers)).status_code == 202

                async def delivered() -> bool:
                    return bool(named(spans, "deliver") and mails.mails)

                await eventually(delivered, within_s=90)
    # The services have stopped, so all spans have ended. A step that was tried again has several.
    request, commit = spans.one("POST /v1/facts"), spans.one("group commit")
    assert traceparent(request.parent) == A
    assert traceparent(commit.parent) == traceparent(request.context)
    assert continuing(spans, "relay", commit)
    applied = continuing(spans, "apply", commit)[-1]
    published = {traceparent(span.context): span for span in continuing(spans, "publish snapshots", applied)}
    delivery = named(spans, "deliver")[-1]
    snapshots = published[traceparent(delivery.parent)]
    assert continuing(spans, "decide", snapshots)
    assert traceparent(delivery.context).split("-")[1] == A.split("-")[1]


def paid_fact() -> bytes:
    """Return an enrolment that is active for months to come."""
    now = datetime.now(UTC)
    return raw(time=(now - timedelta(days=1)).isoformat(), data={"paid_through": f"{now + timedelta(days=120):%Y-%m}"})


def named(spans: Spans, name: str) -> list[ReadableSpan]:
    """Return the spans of this name."""
    return [span for span in spans.all() if span.name == name]


def continuing(spans: Spans, name: str, before: ReadableSpan) -> list[ReadableSpan]:
    """Return the spans of this name that continue the one before."""
    found = [span for span in named(spans, name) if span.parent is not None]
    return [span for span in found if traceparent(span.parent) == traceparent(before.context)]


async def give_official(settings: NotifierSettings) -> None:
    """Have the notifier know the head of the village."""
    mongo = Mongo(settings.mongodb_uri, settings.database("notifier"), "test")
    inputs = Inputs(mongo)
    await inputs.prepare()
    read = officials_of(Document({"officials": [OFFICIAL]}), "officials", lambda _: True)
    await inputs.give_officials([document_of(each) for each in read], "test", SystemClock().now())
    mongo.close()
