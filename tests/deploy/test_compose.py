"""compose.yaml, as far as it can be checked without a Docker engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from deploy.local.settings import REPOSITORY
from services.notifier.files.official_files import read_officials
from shared.adapters.settings import CommonSettings
from shared.regions.catalogue import catalogue

FILE = REPOSITORY / "compose.yaml"


def services() -> dict[str, Any]:
    """Return the services with their anchors resolved."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())["services"]
    return found


def checked(file: Path) -> subprocess.CompletedProcess[str]:
    """Return what the check against the Compose Specification's own schema says."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_fits_the_compose_schema_and_a_misspelt_key_would_not(tmp_path: Path) -> None:
    """The schema is the Compose Specification's."""
    assert checked(FILE).returncode == 0, checked(FILE).stdout
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(FILE.read_text().replace("depends_on:", "depend_on:", 1))
    assert checked(wrong).returncode == 1


def test_what_it_names_is_there() -> None:
    """Services waited for, volumes, the Dockerfile, and health checks of those whose health is waited for."""
    there = services()
    volumes = yaml.safe_load(FILE.read_text())["volumes"]
    for service in there.values():
        for name, wait in service.get("depends_on", {}).items():
            assert name in there
            assert wait["condition"] != "service_healthy" or "healthcheck" in there[name]
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= volumes.keys()
        if "build" in service:
            stages = (REPOSITORY / "Dockerfile").read_text()
            assert f"AS {service['build']['target']}\n" in stages


def test_it_listens_on_loopback_only() -> None:
    """A laptop's stack with ready tokens must not be open to its network."""
    published = [port for service in services().values() for port in service.get("ports", [])]
    assert len(published) == 4
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_its_variables_are_ones_that_the_services_read() -> None:
    """A misspelt name would leave a default in force, silently."""
    common = {str(field.validation_alias) for field in CommonSettings.model_fields.values()}
    for name in ("registry", "coverage", "notifier"):
        environment = services()[name]["environment"]
        shared = {variable for variable in environment if variable.startswith("CAKUPAN_")}
        assert shared <= common
        assert {variable.split("_")[0] for variable in environment} <= {"CAKUPAN", "PROBE", name.upper()}


def test_the_sample_s_officials_are_loaded() -> None:
    """By the command, once the notifier is ready, from a file of the repository and with a token of its own."""
    _, command, file, url, token = services()["officials"]["command"]
    assert command == "load-officials"
    assert read_officials((REPOSITORY / file).read_text(), file, catalogue().__contains__)
    assert url == "--url=http://notifier:8003"
    assert token == "--token-file=.local/tokens/officials.jwt"


def test_each_container_has_its_own_volume_of_secrets() -> None:
    """Only what makes the keys has several; no service reads the issuer's key, the tokens or another's keys."""
    mounted = {name: {one.split(":")[0] for one in service.get("volumes", [])} for name, service in services().items()}
    maker = mounted.pop("prepare")
    assert all(len(volumes) == 1 for volumes in mounted.values())
    assert len(set.union(*mounted.values())) == len(mounted)
    assert "issuer" in maker - set.union(*mounted.values())
