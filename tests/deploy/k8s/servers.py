"""A Kafka and a MongoDB that ask for logins over TLS, with the users and rights that the manifests give."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest
from pymongo import AsyncMongoClient

from deploy.local.jars import kafka_jars
from deploy.local.kafka import Kafka
from deploy.local.mongod import Mongod
from deploy.local.ports import free_ports
from tests.certificates import Authority
from tests.deploy.k8s.manifests import Document, Manifests

PASSWORD: Final = "right-and-long"
_TYPES: Final = {"topic": 2, "group": 3}
_OPERATIONS: Final = {"All": 2, "Read": 3, "Write": 4, "Create": 5, "Delete": 6, "Alter": 7, "Describe": 8}
_LITERAL, _ALLOW = 3, 3
"""Numbers of Kafka's protocol: AclOperation, ResourceType, PatternType, AclPermissionType."""


@dataclass(frozen=True, slots=True)
class SecureServers:
    """Where both answer. `plain` is for the test itself, which may do anything there."""

    plain: str
    kafka: str
    mongodb: str


@asynccontextmanager
async def secure_servers(folder: Path, manifests: Manifests) -> AsyncIterator[SecureServers]:
    """Yield both servers while they run; `folder` has the authority's certificate as ca.pem."""
    authority = Authority("the cluster's own")
    authority.write(folder / "ca.pem")
    keystore = authority.write_keystore(folder / "server.pem")
    kafka, secure = await _kafka(folder, keystore, manifests)
    mongod = await _mongod(folder, keystore, manifests)
    try:
        yield SecureServers(kafka.bootstrap, secure, mongod.uri.rpartition("@")[2].partition("/")[0])
    finally:
        await mongod.stop()
        await kafka.stop()


async def _kafka(folder: Path, keystore: Path, manifests: Manifests) -> tuple[Kafka, str]:
    plain, controller, port = free_ports(3)
    secure, users = f"127.0.0.1:{port}", manifests.names("KafkaUser")
    login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    settings = {
        "listeners": f"PLAINTEXT://127.0.0.1:{plain},SASL_SSL://{secure},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{plain},SASL_SSL://{secure}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": login,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": keystore,
        # As Strimzi's `simple` does: what no rule allows is refused. The test comes without a login.
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    added = [word for user in users for word in ("--add-scram", f"SCRAM-SHA-512=[name={user},password={PASSWORD}]")]
    jars = await kafka_jars(folder / "maven.log")
    kafka = Kafka(folder / "kafka", jars, folder / "kafka.log", (plain, controller), settings, added)
    await kafka.start()
    await _allow(kafka.bootstrap, manifests.of("KafkaUser"))
    return kafka, secure


async def _allow(bootstrap: str, users: list[Document]) -> None:
    """Give each user the rules of its manifest."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        for user in users:
            principal = f"User:{user['metadata']['name']}"
            for rule in user["spec"]["authorization"]["acls"]:
                kind, name = _TYPES[rule["resource"]["type"]], rule["resource"]["name"]
                for operation in rule["operations"]:
                    request = CreateAclsRequest(kind, name, _LITERAL, principal, "*", _OPERATIONS[operation], _ALLOW)
                    answer = await admin._send_to_controller(request)
                    assert [one[0] for one in answer.creation_responses] == [0]
    finally:
        await admin.close()


async def _mongod(folder: Path, keystore: Path, manifests: Manifests) -> Mongod:
    """Start it, make roles and users, then start it again with TLS."""
    (port,) = free_ports(1)
    keys = folder / "mongodb-keys"
    keys.mkdir()
    mongod = Mongod(folder / "mongodb", folder / "mongod.log", port, 0.25, keys)
    await mongod.start()
    (manifest,) = manifests.of("MongoDBCommunity")
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongod.uri)
    try:
        for role in manifest["spec"]["security"]["roles"]:
            privileges = role["privileges"]
            await client[role["db"]].command("createRole", role["role"], privileges=privileges, roles=role["roles"])
        for user in manifest["spec"]["users"]:
            roles = [{"role": role["name"], "db": role["db"]} for role in user["roles"]]
            await client[user["db"]].command("createUser", user["name"], pwd=PASSWORD, roles=roles)
    finally:
        await client.close()
    await mongod.stop()
    mongod._command = [
        *mongod._command, "--tlsMode=preferTLS", f"--tlsCertificateKeyFile={keystore}",
        "--tlsAllowConnectionsWithoutCertificates", f"--tlsCAFile={folder / 'ca.pem'}",
    ]  # fmt: skip
    await mongod.start()
    return mongod
