"""deploy/k8s as rendered: each demand is met, and each check finds what breaks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.k8s import policies as p
from tests.deploy.k8s.manifests import OVERLAYS, Manifests

Break = Callable[[Manifests], Manifests]
_POD = "spec/template/spec"
_CONTAINER = f"{_POD}/containers/0"


def _id(value: Any) -> str:
    return str(getattr(value, "__name__", value))


@pytest.fixture(scope="module")
def production() -> Manifests:
    """The manifests of production."""
    return Manifests.of_overlay("production")


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("policy", p.EVERYWHERE, ids=_id)
def test_every_overlay_meets(policy: p.Policy, overlay: str) -> None:
    """Development differs from production in size only, not in what it may do."""
    assert list(policy(Manifests.of_overlay(overlay))) == [], policy.__doc__


@pytest.mark.parametrize("policy", p.PRODUCTION, ids=_id)
def test_production_meets(policy: p.Policy, production: Manifests) -> None:
    """Production has copies of everything, and whoever runs it sees and reaches it."""
    assert list(policy(production)) == [], policy.__doc__


def change(kind: str, name: str, path: str, *value: Any) -> Break:
    """Return what gives one place another value, or takes it away."""
    return lambda m: m.broken(kind, name, path, *value)


def lose(kind: str, name: str) -> Break:
    """Return what takes one object away."""
    return lambda m: m.without(kind, name)


CONFIG = "ConfigMap"
BREAKS: list[tuple[p.Policy, Break]] = [
    (p.probes, change("StatefulSet", "coverage", f"{_CONTAINER}/livenessProbe/httpGet/path", "/health/ready")),
    (p.probes, change("StatefulSet", "registry", f"{_CONTAINER}/readinessProbe/httpGet/port", "api")),
    (p.probes, change("StatefulSet", "notifier", f"{_CONTAINER}/startupProbe")),
    (p.ports, change("StatefulSet", "coverage", f"{_CONTAINER}/ports/1/containerPort", 9001)),
    (p.resources, change("StatefulSet", "notifier", f"{_CONTAINER}/resources/limits/memory")),
    (p.resources, change("Job", "topics", f"{_CONTAINER}/resources/requests")),
    (p.restricted, change("Namespace", "cakupan", "metadata/labels/pod-security.kubernetes.io\0enforce", "")),
    (p.restricted, change("StatefulSet", "registry", f"{_POD}/securityContext/runAsNonRoot", False)),
    (p.restricted, change("StatefulSet", "registry", f"{_POD}/securityContext/seccompProfile")),
    (p.restricted, change("Job", "topics", f"{_CONTAINER}/securityContext/capabilities/drop", [])),
    (p.restricted, change("StatefulSet", "coverage", f"{_CONTAINER}/securityContext/readOnlyRootFilesystem", False)),
    (p.restricted, change("StatefulSet", "coverage", f"{_POD}/hostNetwork", True)),
    (p.service_accounts, change("StatefulSet", "coverage", f"{_POD}/serviceAccountName", "registry")),
    (p.service_accounts, change("ServiceAccount", "registry", "automountServiceAccountToken")),
    (p.default_deny, change("NetworkPolicy", "default-deny", "spec/policyTypes", ["Ingress"])),
    (p.default_deny, lose("NetworkPolicy", "default-deny")),
    (p.holes, lose("NetworkPolicy", "to-dns")),
    (p.holes, change("NetworkPolicy", "to-kafka", "spec/egress/0/ports")),
    (p.holes, change("NetworkPolicy", "to-webhooks", "spec/egress/0/to/0/ipBlock/except", [])),
    (p.holes, change("NetworkPolicy", "to-webhooks", "spec/podSelector/matchLabels", {})),
    (p.disruption, lose("PodDisruptionBudget", "registry")),
    (p.disruption, change("PodDisruptionBudget", "coverage", "spec/maxUnavailable", 0)),
    (p.spread, change("StatefulSet", "registry", f"{_POD}/topologySpreadConstraints/0")),
    (p.grace, change("StatefulSet", "coverage", f"{_POD}/terminationGracePeriodSeconds", 30)),
    (p.pre_stop, change("StatefulSet", "registry", f"{_CONTAINER}/lifecycle")),
    (p.jobs, lose("Job", "topics")),
    (p.jobs, lose("Job", "coverage-prepare")),
    (p.jobs, change("Job", "topics", "spec/ttlSecondsAfterFinished")),
    (p.static_membership, change("StatefulSet", "coverage", "kind", "Deployment")),
    (p.static_membership, change("StatefulSet", "coverage", f"{_CONTAINER}/env/0", {"name": "X", "value": "y"})),
    (p.configuration, change("StatefulSet", "registry", f"{_CONTAINER}/envFrom/0/configMapRef/name", "cakupan")),
    (p.configuration, change("StatefulSet", "notifier", f"{_CONTAINER}/volumeMounts/0/subPath", "rules.yaml")),
    (p.variables, change(CONFIG, "cakupan", "data/CAKUPAN_TOKEN_ISSUR", "x")),
    (p.variables, change(CONFIG, "coverage", "data/REGISTRY_PORT", "1")),
    (p.secrets_as_files, change(CONFIG, "registry", "data/CAKUPAN_MONGODB_URI", "mongodb://a:b@c")),
    (p.secrets_as_files, change(CONFIG, "registry", "data/REGISTRY_IDENTITY_KEY_FILE", "/elsewhere")),
    (
        p.secrets_as_files,
        change(
            "StatefulSet", "registry", f"{_CONTAINER}/env/1",
            {"name": "K", "valueFrom": {"secretKeyRef": {"name": "registry-identity", "key": "identity.key"}}},
        ),
    ),
    (
        p.identity_key,
        change(
            "StatefulSet", "coverage", f"{_POD}/volumes/1/projected/sources/0/secret",
            {"name": "registry-identity", "items": [{"key": "identity.key", "path": "identity.key"}]},
        ),
    ),
    (p.images, change("StatefulSet", "registry", f"{_CONTAINER}/image", "cakupan:latest")),
    (p.by_digest, change("StatefulSet", "registry", f"{_CONTAINER}/image", "cakupan:1.0")),
    (p.services_reach_pods, change("Service", "coverage", "spec/selector/app.kubernetes.io\0name", "registry2")),
    (p.services_reach_pods, change("Service", "coverage", "spec/ports/0/targetPort", "web")),
    (p.kafka_secure, change("Kafka", "cakupan", "spec/kafka/listeners/0/tls", False)),
    (p.kafka_secure, change("Kafka", "cakupan", "spec/kafka/authorization")),
    (p.kafka_topics, lose("KafkaTopic", "coverage.updated.v1")),
    (p.kafka_topics, change("KafkaTopic", "enrollment.changed.v1", "spec/partitions", 6)),
    (p.kafka_topics, change("KafkaTopic", "enrollment.changed.v1", "spec/config/retention.ms", 604_800_000)),
    (p.kafka_rights, change("KafkaUser", "notifier", "spec/authorization/acls/0/operations", ["All"])),
    (p.kafka_rights, change("KafkaUser", "notifier", "spec/authorization/acls/0/resource/patternType", "prefix")),
    (p.logins, change("StatefulSet", "coverage", f"{_CONTAINER}/env/1/value", "registry")),
    (p.mongodb_secure, change("MongoDBCommunity", "cakupan-mongodb", "spec/security/tls/enabled", False)),
    (p.mongodb_secure, change("MongoDBCommunity", "cakupan-mongodb", "spec/users/1/roles/0/db", "cakupan_registry")),
    (p.secrets_have_a_source, lose("ExternalSecret", "registry-identity")),
    (p.secrets_have_a_source, lose("KafkaUser", "notifier")),
    (p.durable_kafka, change("KafkaNodePool", "brokers", "spec/replicas", 2)),
    (p.durable_kafka, change("KafkaTopic", "enrollment.changed.v1", "spec/replicas", 2)),
    (p.durable_kafka, change("Kafka", "cakupan", "spec/kafka/config/min.insync.replicas", 1)),
    (p.durable_mongodb, change("MongoDBCommunity", "cakupan-mongodb", "spec/members", 2)),
    (p.available, change("StatefulSet", "notifier", "spec/replicas", 1)),
    (p.complete, lose("PrometheusRule", "cakupan")),
    (p.scaling, change("ScaledObject", "coverage", "spec/minReplicaCount", 0)),
    (p.scaling, change("ScaledObject", "coverage", "spec/maxReplicaCount", 13)),
    (p.scaling, change("ScaledObject", "coverage", "spec/triggers/0/metadata/topic")),
    (p.scaling, change("ScaledObject", "coverage", "spec/triggers/0/metadata/lagThreshold", 1000)),
    (p.scaling, change("ScaledObject", "registry", "spec/triggers/0/metadata/excludePersistentLag")),
    (p.monitored, change("PodMonitor", "cakupan", "spec/podMetricsEndpoints/0/port", "api")),
    (p.monitored, lose("NetworkPolicy", "operators-from-prometheus")),
    (p.ingress_tls, change("Ingress", "registry", "spec/tls", [])),
    (p.ingress_tls, change("Ingress", "coverage", "spec/rules/0/http/paths/0/backend/service/port/name", "operators")),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "break_it"), BREAKS, ids=[f"{n}-{_id(b[0])}" for n, b in enumerate(BREAKS)])
def test_what_is_broken_on_purpose_is_found(policy: p.Policy, break_it: Break, production: Manifests) -> None:
    """A check that found nothing here would find nothing later."""
    assert list(policy(break_it(production)))


def test_each_policy_is_broken_at_least_once() -> None:
    """Whoever adds a demand adds a break of it."""
    assert {policy for policy, _ in BREAKS} == {*p.EVERYWHERE, *p.PRODUCTION}
