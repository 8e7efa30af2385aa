"""deploy/k8s as the validators see it: Kubernetes' own schemas, the custom resources' schemas, checkov."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft7Validator

from deploy.k8s import rules
from deploy.local.settings import REPOSITORY
from tests.deploy.k8s.manifests import OVERLAYS, Document, Manifests, text_of, tool

KUBERNETES: Final = "1.37"
"""The newest version whose schemas the validator brings."""
CRDS: Final = Path(os.environ.get("CAKUPAN_CRD_SCHEMAS", REPOSITORY.parent / "shared" / "crds"))
"""Schemas of the custom resources, one file each: GROUP/KIND_VERSION.json. They are not ours to distribute."""
_OF_KUBERNETES: Final = ("", "apps", "batch", "policy", "networking.k8s.io")


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with production's manifests, in which a container is privileged and a field is misspelt."""
    whole = Manifests.of_overlay("production")
    privileged = whole.broken(
        "StatefulSet", "registry", "spec/template/spec/containers/0/securityContext", {"privileged": True}
    )
    misspelt = privileged.broken("StatefulSet", "notifier", "spec/replica", 2)
    file = tmp_path_factory.mktemp("k8s") / "broken.yaml"
    file.write_text(yaml.safe_dump_all(misspelt.documents))
    return file


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file with the manifests of each overlay."""
    folder = tmp_path_factory.mktemp("k8s")
    files = {overlay: folder / f"{overlay}.yaml" for overlay in OVERLAYS}
    for overlay, file in files.items():
        file.write_text(text_of(overlay))
    return files


def test_kubernetes_would_take_each_object(rendered: dict[str, Path], broken: Path) -> None:
    """Its own schemas know every field; a misspelt one is found."""
    strict = ("--strict", "--quiet", "--no-warn", "-k", KUBERNETES)
    answer = tool("kubernetes-validate", *strict, *map(str, rendered.values()))
    assert answer.returncode == 0, answer.stdout
    wrong = tool("kubernetes-validate", *strict, str(broken))
    assert wrong.returncode != 0
    assert "'replica' was unexpected" in wrong.stdout + wrong.stderr


def _custom(manifests: Manifests) -> Iterator[tuple[Document, Path]]:
    """Yield each custom resource and where its schema is."""
    for one in manifests.documents:
        group, _, version = one["apiVersion"].rpartition("/")
        if group not in _OF_KUBERNETES:
            yield one, CRDS / group / f"{one['kind'].lower()}_{version}.json"


@pytest.mark.skipif(not CRDS.is_dir(), reason=f"no schemas of custom resources in {CRDS}; set CAKUPAN_CRD_SCHEMAS")
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_operators_would_take_each_custom_resource(overlay: str) -> None:
    """Each has a schema and fits it; a misspelt field is found, where the schema knows all (MongoDB's does not)."""
    kinds = set()
    for one, file in _custom(Manifests.of_overlay(overlay)):
        judge = Draft7Validator(json.loads(file.read_text()))
        assert [error.message for error in judge.iter_errors(one)] == [], one["metadata"]["name"]
        wrong = {"members": "three"} if one["kind"] == "MongoDBCommunity" else {"misspelt": 3}
        assert list(judge.iter_errors({**one, "spec": {**one["spec"], **wrong}})), file
        kinds.add(one["kind"])
    assert {"Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser", "MongoDBCommunity", "Certificate"} <= kinds


def test_checkov_finds_nothing_but_what_is_broken_on_purpose(rendered: dict[str, Path], broken: Path) -> None:
    """No check is left out for production. Development names its image by a tag that may move."""
    files = [*map(str, rendered.values()), str(broken)]
    answer = tool(
        "checkov", "--framework", "kubernetes", "--output", "json", "--quiet", "--skip-download", "-f", *files
    )
    found: list[dict[str, Any]] = json.loads(answer.stdout)["results"]["failed_checks"]
    failed = {(Path(one["file_path"]).name, one["check_id"]) for one in found}
    assert {check for file, check in failed if file == "production.yaml"} == set()
    assert {check for file, check in failed if file == "dev.yaml"} <= {"CKV_K8S_43"}
    assert ("broken.yaml", "CKV_K8S_16") in failed


def test_the_prometheus_rules_are_those_that_are_written_and_tested() -> None:
    """They are derived; `make contracts` makes them anew."""
    assert rules.FILE.read_text() == rules.render()
    (rule,) = Manifests.of_overlay("production").of("PrometheusRule")
    assert rule["spec"]["groups"]
