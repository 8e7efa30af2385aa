"""The guides to install and upgrade: what they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from deploy import sharding
from deploy.local.settings import REPOSITORY
from services.coverage.cli import app as coverage
from services.notifier.cli import app as notifier
from services.registry.cli import app as registry
from tests.deploy.k8s.manifests import Manifests, secrets_of

GUIDES = sorted((REPOSITORY / "docs" / "guides").glob("*.md"))
_COMMANDS = {
    f"cakupan-{name}": set(typer.main.get_group(app).commands)
    for name, app in (("registry", registry), ("coverage", coverage), ("notifier", notifier))
}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_files_links_and_commands_are_there(guide: Path) -> None:
    """Whoever follows it finds what it names."""
    text = guide.read_text()
    for link in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert (guide.parent / link).exists(), link
    for path in re.findall(r"`((?:deploy|docs)/[\w./-]+)`", text):
        assert (REPOSITORY / path).exists(), path
    targets = re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"`make ([a-z0-9-]+)", text)) <= set(targets)
    for program, command in re.findall(r"(cakupan-(?:registry|coverage|notifier)) ([a-z-]+)", text):
        assert command in _COMMANDS[program], f"{program} {command}"


def test_the_secrets_that_are_made_by_hand_are_named() -> None:
    """In development nothing else makes them."""
    text = (REPOSITORY / "docs" / "guides" / "install.md").read_text()
    dev = Manifests.of_overlay("dev")
    mounted = {secret for workload in dev.workloads for secret, _ in secrets_of(workload)}
    by_hand = {"registry-identity", "cakupan-mongodb-ca"}
    assert by_hand <= mounted
    assert all(f"secret generic {secret}" in text for secret in by_hand)
    (mongodb,) = dev.of("MongoDBCommunity")
    passwords = {user["passwordSecretRef"]["name"] for user in mongodb["spec"]["users"]}
    assert passwords == {f"{name}-mongodb-password" for name in ("registry", "coverage", "notifier")}
    assert "$service-mongodb-password" in text


def test_the_guide_to_scale_shards_what_the_test_of_queries_knows() -> None:
    """Its commands, its table of keys and its list of queries that ask every shard are those of deploy/sharding.py."""
    text = (REPOSITORY / "docs" / "guides" / "scale.md").read_text()
    assert re.findall(r"^sh\.shardCollection.*", text, re.MULTILINE) == sharding.commands()
    keys = re.findall(r'^\| `([\w.]+)` \| `{(\w+): "hashed"}` \|', text, re.MULTILINE)
    assert dict(keys) == sharding.SHARDED
    assert set(re.findall(r"^\| `([\w.]+ by \w+)` \|", text, re.MULTILINE)) == sharding.ASKS_EVERY_SHARD.keys()
