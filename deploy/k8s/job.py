"""A service's command as a Kubernetes job: `kubectl kustomize OVERLAY | python -m deploy.k8s.job SERVICE COMMAND…`.

The job is the overlay's own `SERVICE-prepare` with another command: the same image, settings, secrets and rights.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import yaml


def job_of(manifests: str, service: str, command: Sequence[str]) -> dict[str, Any]:
    """Return the job. It runs once, for as long as it takes. Raises: LookupError where the service has no such job."""
    wanted = f"{service}-prepare"
    for job in yaml.safe_load_all(manifests):
        if (job["kind"], job["metadata"]["name"]) == ("Job", wanted):
            del job["metadata"]["name"], job["spec"]["activeDeadlineSeconds"]
            job["metadata"]["generateName"] = f"{service}-{command[0]}-"
            job["spec"]["backoffLimit"] = 0
            pod = job["spec"]["template"]["spec"]
            pod["restartPolicy"] = "Never"
            pod["containers"][0]["command"] = [f"cakupan-{service}", *command]
            found: dict[str, Any] = job
            return found
    raise LookupError(f"there is no job {wanted} in what was given")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("say which service and which of its commands: registry verify")
    sys.stdout.write(yaml.safe_dump(job_of(sys.stdin.read(), sys.argv[1], sys.argv[2:]), sort_keys=False))
