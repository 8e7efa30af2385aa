"""What the rendered manifests must be: a function for each demand. It yields one line for each place that breaks it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from services.coverage.settings import CoverageSettings
from services.notifier.delivery.channels import chat, email, webhook
from services.notifier.settings import NotifierSettings
from services.registry.settings import RegistrySettings
from shared.adapters import kafka_access, kafka_batches, kafka_producer, kafka_reader, mongo
from shared.adapters.serve import server_config
from shared.contracts import topics
from tests.deploy.k8s.manifests import Document, Manifests, containers, pod_of, secrets_of
from tests.integration.shared.serving import sizer

Policy = Callable[[Manifests], Iterator[str]]
SETTINGS: Final[dict[str, type[RegistrySettings | CoverageSettings | NotifierSettings]]] = {
    "registry": RegistrySettings,
    "coverage": CoverageSettings,
    "notifier": NotifierSettings,
}
_HASHED: Final = re.compile(r".+-[a-z0-9]{10}$")
_LIVE, _SERVING = "/health/live", "/health/serving"


def _name(document: Document) -> str:
    return f"{document['kind']} {document['metadata']['name']}"


def probes(m: Manifests) -> Iterator[str]:
    """Startup, liveness and readiness are asked at the operators' listener; no probe asks for Kafka or MongoDB."""
    for service in m.services:
        (container,) = containers(service)
        for probe, path in (("startupProbe", _LIVE), ("livenessProbe", _LIVE), ("readinessProbe", _SERVING)):
            asked = container.get(probe, {}).get("httpGet", {})
            if asked != {"path": path, "port": "operators"}:
                yield f"{_name(service)}: {probe} asks {asked}"


def ports(m: Manifests) -> Iterator[str]:
    """The ports are those that the services listen on."""
    for service in m.services:
        (container,) = containers(service)
        settings = SETTINGS[service["metadata"]["name"]]()
        wanted = {"api": settings.port, "operators": settings.operators_port}
        if (there := {one["name"]: one["containerPort"] for one in container["ports"]}) != wanted:
            yield f"{_name(service)}: ports are {there}"


def resources(m: Manifests) -> Iterator[str]:
    """Every container states what it needs and what it may take."""
    for workload in m.workloads:
        for container in containers(workload):
            for part in ("requests", "limits"):
                if not {"cpu", "memory"} <= container.get("resources", {}).get(part, {}).keys():
                    yield f"{_name(workload)}: {part} are not complete"


def restricted(m: Manifests) -> Iterator[str]:
    """Pods keep to the restricted standard, which the namespace enforces; the root file system is read-only."""
    for namespace in m.of("Namespace"):
        if namespace["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{_name(namespace)} does not enforce it"
    for workload in m.workloads:
        pod = pod_of(workload)
        whole = pod.get("securityContext", {})
        if not whole.get("runAsNonRoot") or not whole.get("runAsUser"):
            yield f"{_name(workload)} may run as root"
        if whole.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{_name(workload)} has no seccomp profile"
        if {"hostNetwork", "hostPID", "hostIPC"} & pod.keys() or any("hostPath" in one for one in pod["volumes"]):
            yield f"{_name(workload)} reaches the node"
        for container in containers(workload):
            own = container.get("securityContext", {})
            wanted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True}
            if own | wanted != own or own.get("capabilities") != {"drop": ["ALL"]} or own.get("privileged"):
                yield f"{_name(workload)}: container {container['name']} has rights it does not need"


def service_accounts(m: Manifests) -> Iterator[str]:
    """Each service runs as an account of its own, which has no token."""
    for workload in m.workloads:
        account = pod_of(workload).get("serviceAccountName")
        if pod_of(workload).get("automountServiceAccountToken") is not False or account not in m.names(
            "ServiceAccount"
        ):
            yield f"{_name(workload)} runs as {account}, maybe with a token"
    for service in m.services:
        if pod_of(service).get("serviceAccountName") != service["metadata"]["name"]:
            yield f"{_name(service)} runs as another's account"
    for account in m.of("ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield f"{_name(account)} gives its token away"


def default_deny(m: Manifests) -> Iterator[str]:
    """Nothing may come in or go out unless a policy names it."""
    closed = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    if not any(policy["spec"] == closed for policy in m.of("NetworkPolicy")):
        yield "no network policy closes both ways for all pods"


def holes(m: Manifests) -> Iterator[str]:
    """Every hole names who and which port; only the notifier calls out of the cluster, and no private address."""
    wanted = {"to-dns", "to-kafka", "to-mongodb", "to-token-issuer", "to-smtp", "to-webhooks", "to-notifier"}
    yield from (f"the hole {name} is missing" for name in sorted(wanted - m.names("NetworkPolicy")))
    for policy in m.of("NetworkPolicy"):
        spec = policy["spec"]
        ours = m.selected_by(spec["podSelector"].get("matchLabels", {}))
        for way, peers in (("ingress", "from"), ("egress", "to")):
            for rule in spec.get(way, []):
                if ours and not (rule.get(peers) and rule.get("ports")):
                    yield f"{_name(policy)} is open to any peer or port"
                for peer in rule.get(peers, []):
                    if {"namespaceSelector": {}}.items() <= peer.items():
                        yield f"{_name(policy)} is open to every namespace"
                    if "ipBlock" in peer and (ours != ["notifier"] or not _spares_the_private(peer["ipBlock"])):
                        yield f"{_name(policy)} lets {ours} reach {peer['ipBlock']}"


def _spares_the_private(block: dict[str, Any]) -> bool:
    private = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"}
    return private <= set(block.get("except", []))


def disruption(m: Manifests) -> Iterator[str]:
    """A node's drain takes one pod of a service at a time, and is never held up for ever."""
    budgets = {
        tuple(m.selected_by(one["spec"]["selector"]["matchLabels"])): one["spec"].get("maxUnavailable")
        for one in m.of("PodDisruptionBudget")
    }
    for service in m.services:
        if budgets.get((service["metadata"]["name"],)) != 1:
            yield f"{_name(service)} has no budget of one"


def spread(m: Manifests) -> Iterator[str]:
    """The pods of a service keep to different zones and nodes."""
    for service in m.services:
        found = {
            one["topologyKey"]
            for one in pod_of(service).get("topologySpreadConstraints", [])
            if m.selected_by(one["labelSelector"]["matchLabels"]) == [service["metadata"]["name"]]
        }
        if not {"topology.kubernetes.io/zone", "kubernetes.io/hostname"} <= found:
            yield f"{_name(service)} is spread over {sorted(found)} only"


def longest_end_s() -> float:
    """Return how many seconds a service may take from SIGTERM to its end: requests, work, a reader, two producers."""
    requests = server_config(sizer(), "127.0.0.1", 0).timeout_graceful_shutdown or 0
    flush = max(limits.drain_within_s for limits in (kafka_batches.GROWING, kafka_batches.ONE_AT_A_TIME))
    work = max(
        flush + kafka_reader._LAST_COMMIT_S,
        mongo._TRANSACTION_WITHIN_S,
        kafka_producer._ACKNOWLEDGED_WITHIN_S,
        email._TIMEOUT_S,
        chat._TIMEOUT_S,
        webhook._TIMEOUT_S,
    )
    return requests + work + kafka_access._LEFT_AFTER_S + 2 * kafka_producer._STOPPED_WITHIN_S


def grace(m: Manifests) -> Iterator[str]:
    """No pod is killed while it flushes or sends: the grace is longer than preStop and the longest end together."""
    for service in m.services:
        (container,) = containers(service)
        waited = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if pod_of(service).get("terminationGracePeriodSeconds", 30) <= waited + longest_end_s():
            yield f"{_name(service)} may be killed while it still works"


def pre_stop(m: Manifests) -> Iterator[str]:
    """A pod goes on answering until the ingress has learnt that it leaves."""
    for service in m.services:
        (container,) = containers(service)
        if container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0) < 5:
            yield f"{_name(service)} stops answering at once"


def jobs(m: Manifests) -> Iterator[str]:
    """Jobs make the topics and each service's indexes; they go away by themselves, so that they can be made again."""
    wanted = [["cakupan-registry", "create-topics"], *([f"cakupan-{name}", "prepare"] for name in SETTINGS)]
    there = [containers(job)[0]["command"][:2] for job in m.of("Job")]
    yield from (f"no job runs {' '.join(one)}" for one in wanted if one not in there)
    yield from (f"{_name(job)} stays" for job in m.of("Job") if "ttlSecondsAfterFinished" not in job["spec"])


def static_membership(m: Manifests) -> Iterator[str]:
    """A restarted pod has its old name, which is its name in Kafka groups and leases."""
    for service in m.services:
        named = {one["name"]: one for one in containers(service)[0]["env"]}.get("CAKUPAN_INSTANCE", {})
        if service["kind"] != "StatefulSet" or "metadata.name" not in str(named):
            yield f"{_name(service)} has a new name after each restart"
        if service["spec"].get("serviceName") not in m.names("Service"):
            yield f"{_name(service)} has no service that names its pods"


def configuration(m: Manifests) -> Iterator[str]:
    """Settings and rules come from ConfigMaps whose names change with their content; a folder of them is updated."""
    for workload in m.workloads:
        (container,) = containers(workload)
        named = [one.get("configMapRef", {}).get("name") for one in container.get("envFrom", [])]
        named += [one["configMap"]["name"] for one in pod_of(workload)["volumes"] if "configMap" in one]
        for name in named:
            if not _HASHED.match(str(name)) or name not in m.names("ConfigMap"):
                yield f"{_name(workload)} reads {name}, which is not there or keeps its name"
        if any("subPath" in one for one in container["volumeMounts"]):
            yield f"{_name(workload)} mounts a single file, which is never updated"
    rules = next(one for one in m.services if one["metadata"]["name"] == "notifier")
    if not any("notifier-rules" in one.get("configMap", {}).get("name", "") for one in pod_of(rules)["volumes"]):
        yield "the notifier's rules come from elsewhere"


def variables(m: Manifests) -> Iterator[str]:
    """Every variable is one that the service reads: a misspelt one would leave a default in force."""
    for workload in m.workloads:
        (container,) = containers(workload)
        service = container["command"][0].removeprefix("cakupan-")
        given = {one["name"] for one in container["env"]}
        for source in container["envFrom"]:
            given |= m.named("ConfigMap", source["configMapRef"]["name"])["data"].keys()
        fields = SETTINGS[service].model_fields
        read = {str(f.validation_alias or f"{service}_{name}").upper() for name, f in fields.items()}
        if unknown := given - read:
            yield f"{_name(workload)} is given {sorted(unknown)}, which it does not read"


def secrets_as_files(m: Manifests) -> Iterator[str]:
    """No secret is in an environment variable or a ConfigMap; what a variable names as a file is mounted."""
    for workload in m.workloads:
        (container,) = containers(workload)
        if "secretKeyRef" in str(container.get("env")) or "secretRef" in str(container.get("envFrom")):
            yield f"{_name(workload)} has a secret in its environment"
        mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
        files = {f"{mounts.get('secrets')}/{path}" for _, path in secrets_of(workload)}
        for source in container["envFrom"]:
            for name, value in m.named("ConfigMap", source["configMapRef"]["name"])["data"].items():
                if name.endswith("_FILE") and value not in files:
                    yield f"{_name(workload)}: {name} names {value}, which is not mounted"
                if re.search(r"PASSWORD|KEY|SECRET|MONGODB_URI", name) and not name.endswith("_FILE"):
                    yield f"{_name(workload)}: {name} holds a secret"


def identity_key(m: Manifests) -> Iterator[str]:
    """The registry alone has the keys of identities."""
    for workload in m.workloads:
        has_it = any(secret == "registry-identity" for secret, _ in secrets_of(workload))
        if has_it != (
            containers(workload)[0]["command"][0] == "cakupan-registry" and workload["metadata"]["name"] != "topics"
        ):
            yield f"{_name(workload)}: the keys of identities are {'' if has_it else 'not '}there"


def images(m: Manifests) -> Iterator[str]:
    """Every pod runs the one image, named by a tag or a digest that is not `latest`."""
    found = {container["image"] for workload in m.workloads for container in containers(workload)}
    if len(found) != 1 or any(re.search(r":latest$|^[^:@]+$", image) for image in found):
        yield f"images are {sorted(found)}"


def services_reach_pods(m: Manifests) -> Iterator[str]:
    """Each Service selects one workload and names a port that it has."""
    for service in m.of("Service"):
        names = m.selected_by(service["spec"]["selector"])
        there = [one["name"] for w in m.services if w["metadata"]["name"] in names for one in containers(w)[0]["ports"]]
        if len(names) != 1 or service["spec"]["ports"][0]["targetPort"] not in there:
            yield f"{_name(service)} leads to {names}, port {service['spec']['ports'][0]['targetPort']}"


def kafka_secure(m: Manifests) -> Iterator[str]:
    """Kafka has one listener, with TLS and SCRAM; what no rule allows is refused; it makes no topic by itself."""
    for kafka in m.of("Kafka"):
        spec = kafka["spec"]["kafka"]
        if [(one["tls"], one["authentication"]["type"]) for one in spec["listeners"]] != [(True, "scram-sha-512")]:
            yield f"{_name(kafka)} has another listener"
        if (
            spec.get("authorization") != {"type": "simple"}
            or spec["config"].get("auto.create.topics.enable") is not False
        ):
            yield f"{_name(kafka)} lets users do what they like"
        if "zookeeper" in kafka["spec"] or not m.of("KafkaNodePool"):
            yield f"{_name(kafka)} is not KRaft with node pools"


def kafka_topics(m: Manifests) -> Iterator[str]:
    """The topics are those of the contracts."""
    given = {one["metadata"]["name"]: one["spec"] for one in m.of("KafkaTopic")}
    if given.keys() != {topic.name for topic in topics.ALL}:
        yield f"topics are {sorted(given)}"
    for topic in topics.ALL:
        spec = given.get(topic.name, {})
        config = {
            "cleanup.policy": "compact" if topic.compacted else "delete",
            "retention.ms": int(topic.retention.total_seconds() * 1000) if topic.retention else -1,
        }
        if spec.get("partitions") != topic.partitions or spec["config"] | config != spec["config"]:
            yield f"topic {topic.name} is {spec}"


def kafka_rights(m: Manifests) -> Iterator[str]:
    """Each login may do what its service does and nothing else."""
    every = {("topic", topic.name): {"Create", "Describe"} for topic in topics.ALL}
    # The relay reads where the topic ends before it publishes there.
    relayed = {("topic", topics.CHANGES.name): {"Read", "Write"}}
    least: dict[str, dict[tuple[str, str], set[str]]] = {
        "registry": _rights("registry", [topics.FACTS], [topics.FACTS_REJECTED]) | relayed,
        "coverage": _rights("coverage", [topics.CHANGES], [topics.SNAPSHOTS, topics.CHANGES_DEAD]),
        "notifier": _rights("notifier", [topics.SNAPSHOTS], [topics.SNAPSHOTS_DEAD]),
        "topics": every,
        "keda": {
            **{("topic", topic.name): {"Describe"} for topic in (topics.FACTS, topics.CHANGES)},
            **{("group", group): {"Describe"} for group in ("registry", "coverage")},
        },
    }
    for user in m.of("KafkaUser"):
        rules = user["spec"]["authorization"]["acls"]
        given = {(one["resource"]["type"], one["resource"]["name"]): set(one["operations"]) for one in rules}
        if given != least[user["metadata"]["name"]] or any(
            one["resource"]["patternType"] != "literal" for one in rules
        ):
            yield f"{_name(user)} may {given}"
        if user["spec"]["authentication"] != {"type": "scram-sha-512"}:
            yield f"{_name(user)} does not log in by SCRAM"


def _rights(group: str, read: list[topics.Topic], write: list[topics.Topic]) -> dict[tuple[str, str], set[str]]:
    reading = {("topic", topic.name): {"Read"} for topic in read}
    return {("group", group): {"Read"}, **reading, **{("topic", topic.name): {"Write"} for topic in write}}


def logins(m: Manifests) -> Iterator[str]:
    """Each pod logs in to Kafka as its own user and has that user's password."""
    for workload in m.workloads:
        (container,) = containers(workload)
        user = next(one["value"] for one in container["env"] if one["name"] == "CAKUPAN_KAFKA_SASL_USERNAME")
        if user not in m.names("KafkaUser") or (user, "kafka/password") not in secrets_of(workload):
            yield f"{_name(workload)} logs in as {user} with another's password"


def mongodb_secure(m: Manifests) -> Iterator[str]:
    """MongoDB takes logins by SCRAM over TLS; each user reaches the database of its service only."""
    for mongodb in m.of("MongoDBCommunity"):
        security = mongodb["spec"]["security"]
        if not security.get("tls", {}).get("enabled") or security["authentication"]["modes"] != ["SCRAM-SHA-256"]:
            yield f"{_name(mongodb)} is not closed"
        for user in mongodb["spec"]["users"]:
            own = [{"name": "readWrite", "db": f"cakupan_{user['name']}"}, {"name": "endOrphans", "db": "admin"}]
            if user["roles"] != own:
                yield f"{_name(mongodb)}: {user['name']} may {user['roles']}"
        if mongodb["spec"]["additionalMongodConfig"].get("setParameter.transactionLifetimeLimitSeconds") != 10:
            yield f"{_name(mongodb)} keeps a killed replica's transaction for a minute"


def secrets_have_a_source(m: Manifests) -> Iterator[str]:
    """Every secret that a pod mounts is made by something here, or is one that people make (dev has no store)."""
    made = m.names("KafkaUser") | {one["spec"]["target"]["name"] for one in m.of("ExternalSecret")}
    made |= {f"{one['metadata']['name']}-cluster-ca-cert" for one in m.of("Kafka")}
    for mongodb in m.of("MongoDBCommunity"):
        made |= {user["connectionStringSecretName"] for user in mongodb["spec"]["users"]}
    by_hand = set() if m.of("ExternalSecret") else {"registry-identity", "notifier-keys", "cakupan-mongodb-ca"}
    for workload in m.workloads:
        for secret, _ in secrets_of(workload):
            if secret not in made | by_hand:
                yield f"{_name(workload)} mounts {secret}, which nothing makes"


def scaling(m: Manifests) -> Iterator[str]:
    """KEDA scales by the lag of a named topic, from one or more, to at most as many replicas as partitions."""
    partitions = {topic.name: topic.partitions for topic in topics.ALL}
    for scaled in m.of("ScaledObject"):
        spec = scaled["spec"]
        (trigger,) = spec["triggers"]
        about = trigger["metadata"]
        if spec["scaleTargetRef"]["name"] not in {one["metadata"]["name"] for one in m.services}:
            yield f"{_name(scaled)} scales nothing"
        if spec["minReplicaCount"] < 1 or spec["maxReplicaCount"] > partitions.get(about.get("topic"), 0):
            yield f"{_name(scaled)} scales from {spec['minReplicaCount']} to {spec['maxReplicaCount']}"
        if about.get("excludePersistentLag") != "true" or not re.fullmatch("[0-9]+", str(about["lagThreshold"])):
            yield f"{_name(scaled)} counts lag that more replicas would not lessen"
        if not isinstance(about["lagThreshold"], str) or about["consumerGroup"] != spec["scaleTargetRef"]["name"]:
            yield f"{_name(scaled)}: the threshold is no text, or the group is another's"
        if "replicas" in m.named("StatefulSet", spec["scaleTargetRef"]["name"])["spec"]:
            yield f"{_name(scaled)}: each apply would set the replicas back"


def monitored(m: Manifests) -> Iterator[str]:
    """Prometheus finds the operators' listener of every service, and may reach it."""
    for monitor in m.of("PodMonitor"):
        found = m.selected_by(monitor["spec"]["selector"]["matchLabels"])
        if set(found) != {one["metadata"]["name"] for one in m.services}:
            yield f"{_name(monitor)} finds {found}"
        if [one["port"] for one in monitor["spec"]["podMetricsEndpoints"]] != ["operators"]:
            yield f"{_name(monitor)} asks another port"
        if "operators-from-prometheus" not in m.names("NetworkPolicy"):
            yield f"{_name(monitor)}: no hole lets Prometheus in"


def ingress_tls(m: Manifests) -> Iterator[str]:
    """Every host that the world sees has TLS and leads to the API of a service, never to the operators' listener."""
    for ingress in m.of("Ingress"):
        secure = {host for one in ingress["spec"].get("tls", []) for host in one["hosts"]}
        for rule in ingress["spec"]["rules"]:
            (path,) = rule["http"]["paths"]
            backend = path["backend"]["service"]
            if rule["host"] not in secure or backend["port"] != {"name": "api"}:
                yield f"{_name(ingress)}: {rule['host']} leads in the clear, or to {backend}"
            if backend["name"] not in {one["metadata"]["name"] for one in m.services}:
                yield f"{_name(ingress)} leads to {backend['name']}"


EVERYWHERE: Final[tuple[Policy, ...]] = (
    probes, ports, resources, restricted, service_accounts, default_deny, holes, disruption, spread, grace, pre_stop,
    jobs, static_membership, configuration, variables, secrets_as_files, identity_key, images, services_reach_pods,
    kafka_secure, kafka_topics, kafka_rights, logins, mongodb_secure, secrets_have_a_source,
)  # fmt: skip


def durable_kafka(m: Manifests) -> Iterator[str]:
    """Three brokers and three controllers; three copies of each record, two of them before it counts as written."""
    for pool in m.of("KafkaNodePool"):
        if pool["spec"]["replicas"] < 3:
            yield f"{_name(pool)} has {pool['spec']['replicas']}"
    for topic in m.of("KafkaTopic"):
        if (topic["spec"]["replicas"], topic["spec"]["config"].get("min.insync.replicas")) != (3, 2):
            yield f"{_name(topic)} has too few copies"
    (kafka,) = m.of("Kafka")
    wanted = {"default.replication.factor": 3, "min.insync.replicas": 2, "offsets.topic.replication.factor": 3}
    if (config := kafka["spec"]["kafka"]["config"]) | wanted != config:
        yield f"{_name(kafka)} keeps too few copies"
    (command,) = (containers(job)[0]["command"] for job in m.of("Job") if job["metadata"]["name"] == "topics")
    if command[-2:] != ["--copies", "3"]:
        yield "the job makes topics with too few copies"


def durable_mongodb(m: Manifests) -> Iterator[str]:
    """A replica set of three: a member may be lost."""
    yield from (f"{_name(one)} has too few members" for one in m.of("MongoDBCommunity") if one["spec"]["members"] < 3)


def available(m: Manifests) -> Iterator[str]:
    """A drained node interrupts no service: two replicas of each at least."""
    least = {one["spec"]["scaleTargetRef"]["name"]: one["spec"]["minReplicaCount"] for one in m.of("ScaledObject")}
    for service in m.services:
        if least.get(service["metadata"]["name"], service["spec"].get("replicas", 1)) < 2:
            yield f"{_name(service)} has one replica"


def by_digest(m: Manifests) -> Iterator[str]:
    """The image is named by its digest."""
    found = {container["image"] for workload in m.workloads for container in containers(workload)}
    yield from (f"{image} may be moved" for image in found if not re.search("@sha256:[0-9a-f]{64}$", image))


def complete(m: Manifests) -> Iterator[str]:
    """Every component is there."""
    wanted = {
        "Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser", "MongoDBCommunity", "ExternalSecret", "ScaledObject",
        "PodMonitor", "PrometheusRule", "Ingress", "Certificate",
    }  # fmt: skip
    yield from (f"no {kind}" for kind in sorted(wanted) if not m.of(kind))


PRODUCTION: Final[tuple[Policy, ...]] = (
    durable_kafka, durable_mongodb, available, by_digest, complete, scaling, monitored, ingress_tls,
)  # fmt: skip
