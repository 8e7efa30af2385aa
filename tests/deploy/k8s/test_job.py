"""A service's command as a job."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from deploy.k8s.job import job_of
from tests.deploy.k8s.manifests import Manifests, containers, pod_of, text_of, tool
from tests.deploy.k8s.test_validators import KUBERNETES


def test_a_command_runs_as_its_service_would(tmp_path: Path) -> None:
    """Kubernetes would take it. It has the settings and secrets of the service, and what the policies ask of a pod."""
    job = job_of(text_of("production"), "registry", ["replay-ledger", "--to", "enrollment.changed.v1"])
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump(job))
    answer = tool("kubernetes-validate", "--strict", "--quiet", "--no-warn", "-k", KUBERNETES, str(file))
    assert answer.returncode == 0, answer.stdout
    (mine,), (served,) = (
        containers(job),
        containers(Manifests.of_overlay("production").named("StatefulSet", "registry")),
    )
    assert mine["command"] == ["cakupan-registry", "replay-ledger", "--to", "enrollment.changed.v1"]
    assert {name: mine[name] for name in ("image", "envFrom", "securityContext", "volumeMounts")} == {
        name: served[name] for name in ("image", "envFrom", "securityContext", "volumeMounts")
    }
    assert pod_of(job)["restartPolicy"] == "Never"
    assert "name" not in job["metadata"], "it can be created again and again"


def test_a_service_that_is_not_there_is_named() -> None:
    """Nothing else is made instead."""
    with pytest.raises(LookupError, match="no job billing-prepare"):
        job_of(text_of("production"), "billing", ["verify"])
