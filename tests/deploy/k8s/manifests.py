"""The manifests of an overlay as `kubectl kustomize` renders them, and ways to look at them and to break them."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import yaml

from deploy.local.settings import REPOSITORY

TOOLS: Final = REPOSITORY / ".tools" / "k8s" / "bin"
OVERLAYS: Final = ("dev", "production")
Document = dict[str, Any]


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Return what one of the checkers says. Raises: AssertionError when they are not installed."""
    assert (TOOLS / name).exists(), "the checkers are not installed: run `make k8s-check`"
    return subprocess.run([str(TOOLS / name), *arguments], capture_output=True, text=True, check=False)


@cache
def text_of(overlay: str) -> str:
    """Return the overlay's manifests as they would be applied."""
    rendered = tool("kubectl", "kustomize", str(REPOSITORY / "deploy" / "k8s" / "overlays" / overlay))
    assert rendered.returncode == 0, rendered.stderr
    return rendered.stdout


@dataclass(frozen=True, slots=True)
class Manifests:
    """All objects of an overlay."""

    documents: list[Document]

    @classmethod
    @cache
    def of_overlay(cls, overlay: str) -> Manifests:
        """Return the overlay's objects; they are read once, so nobody may change them."""
        return cls(list(yaml.safe_load_all(text_of(overlay))))

    def of(self, kind: str) -> list[Document]:
        """Return the objects of this kind."""
        return [one for one in self.documents if one["kind"] == kind]

    def names(self, kind: str) -> set[str]:
        """Return the names of the objects of this kind."""
        return {one["metadata"]["name"] for one in self.of(kind)}

    def named(self, kind: str, name: str) -> Document:
        """Return one object; a ConfigMap by its name without the hash."""
        return next(one for one in self.of(kind) if one["metadata"]["name"] == name or _unhashed(one) == name)

    @property
    def services(self) -> list[Document]:
        """The workloads that serve."""
        return [
            one
            for one in [*self.of("StatefulSet"), *self.of("Deployment")]
            if one["metadata"]["labels"].get("app.kubernetes.io/component") == "service"
        ]

    @property
    def workloads(self) -> list[Document]:
        """All workloads of ours."""
        return [*self.of("StatefulSet"), *self.of("Deployment"), *self.of("Job")]

    def selected_by(self, labels: Mapping[str, str]) -> list[str]:
        """Return the names of our workloads whose pods have these labels."""
        return [one["metadata"]["name"] for one in self.workloads if labels.items() <= labels_of(one).items()]

    def broken(self, kind: str, name: str, path: str, *value: Any) -> Manifests:
        """Return a copy in which one place has another value, or is missing where none is given.

        `path` is keys and list positions with `/` between them; a `/` inside a key is written `\\0`.
        """
        mine = Manifests(copy.deepcopy(self.documents))
        *way, last = (step.replace("\0", "/") for step in path.split("/"))
        place: Any = mine.named(kind, name)
        for step in way:
            place = place[int(step) if isinstance(place, list) else step]
        key = int(last) if isinstance(place, list) else last
        if value:
            place[key] = value[0]
        else:
            del place[key]
        return mine

    def without(self, kind: str, name: str) -> Manifests:
        """Return a copy that lacks one object."""
        gone = self.named(kind, name)
        return Manifests([one for one in self.documents if one is not gone])


def _unhashed(document: Document) -> str:
    return str(document["metadata"]["name"]).rpartition("-")[0] if document["kind"] == "ConfigMap" else ""


def pod_of(workload: Document) -> Document:
    """Return the pod's specification."""
    found: Document = workload["spec"]["template"]["spec"]
    return found


def labels_of(workload: Document) -> dict[str, str]:
    """Return the pod's labels."""
    found: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def containers(workload: Document) -> list[Document]:
    """Return all containers of the pod."""
    pod = pod_of(workload)
    return [*pod.get("initContainers", []), *pod["containers"]]


def secrets_of(workload: Document) -> Iterator[tuple[str, str]]:
    """Yield (secret, path) for each file that the pod gets from a secret."""
    for volume in pod_of(workload).get("volumes", []):
        for source in volume.get("projected", {}).get("sources", []):
            for item in source.get("secret", {}).get("items", []):
                yield source["secret"]["name"], item["path"]
