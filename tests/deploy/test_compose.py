"""compose.yaml, as far as it can be checked without a Docker engine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.mongod import binary, client
from deploy.local.ports import free_ports
from deploy.local.process import Child
from deploy.local.settings import REPOSITORY
from services.notifier.files.official_files import read_officials
from shared.adapters.settings import CommonSettings
from shared.regions.catalogue import catalogue
from tests.waiting import eventually

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
    assert mounted.pop("mongodb") & maker == {"mongodb-admin"}
    assert all(len(volumes) == 1 for volumes in mounted.values())
    assert len(set.union(*mounted.values())) == len(mounted)
    assert {"issuer", "mongodb-admin"} <= maker - set.union(*mounted.values())


def test_the_image_has_each_folder_that_a_container_fills() -> None:
    """A volume takes over the owner of the image's folder; one that the image lacks would be root's."""
    made = re.search(r"^RUN install --directory .*?[^\\]\n", (REPOSITORY / "Dockerfile").read_text(), re.M | re.S)
    assert made is not None
    filled = {volume.split(":")[1] for volume in services()["prepare"]["volumes"] if not volume.endswith(":ro")}
    assert filled <= set(made[0].split())


def test_images_of_others_are_named_by_digest() -> None:
    """A tag may move; a digest names one image for ever."""
    named = [service["image"] for service in services().values() if "build" not in service]
    assert len(named) == 2
    assert all(re.fullmatch(r"[a-z/]+:[0-9.]+@sha256:[0-9a-f]{64}", image) for image in named)


async def test_mongodb_asks_for_passwords_and_each_service_gets_its_own(kafka_bootstrap: str, tmp_path: Path) -> None:
    """Its command runs on a real mongod; `prepare` makes users there, of whom none may read another's database.

    The replica set and its admin, which the health check makes by mongosh, are made here by the same commands.
    """
    (port,), folders = free_ports(1), {name: tmp_path / name for name in ("configdb", "db", "bin")}
    for folder in folders.values():
        folder.mkdir()
    (folders["bin"] / "mongod").symlink_to(binary())
    script = services()["mongodb"]["command"][2].replace("/data/configdb", str(folders["configdb"]))
    script = script.replace("exec mongod", f"exec mongod --dbpath={folders['db']} --port={port} --nounixsocket")
    path = f"{folders['bin']}:{os.environ['PATH']}"
    mongod = Child("mongod", ("bash", "-euc", script), tmp_path / "mongod.log", {"PATH": path})
    await mongod.start()
    try:
        place, password_file = f"127.0.0.1:{port}", folders["configdb"] / "admin.password"
        async with client(f"mongodb://{place}/?directConnection=true") as nobody:
            config = {"_id": "rs0", "members": [{"_id": 0, "host": place}]}
            await eventually(partial(accepted, nobody, "replSetInitiate", config), within_s=60)
            admin = {"pwd": password_file.read_text(), "roles": ["root"]}
            await eventually(partial(accepted, nobody, "createUser", "admin", **admin), within_s=60)
            with pytest.raises(OperationFailure, match="requires authentication"):
                await nobody["cakupan_registry"]["people"].find_one()
        options = ("--share", str(tmp_path / "shared"), "--mongodb", place, "--mongodb-password", str(password_file))
        surroundings = {"CAKUPAN_KAFKA_BOOTSTRAP": kafka_bootstrap, "CAKUPAN_LOCAL": str(tmp_path / "home")}
        command = (sys.executable, "-m", "deploy.local", "prepare", *options)
        await Child("prepare", command, tmp_path / "prepare.log", surroundings).run()
        for service in ("registry", "coverage", "notifier"):
            async with client((tmp_path / "shared" / service / "keys" / "mongodb.uri").read_text()) as own:
                await own[f"cakupan_{service}"]["some"].insert_one({})
                with pytest.raises(OperationFailure, match="not authorized"):
                    await own["cakupan_other"]["some"].find_one()
    finally:
        await mongod.kill()


async def accepted(asked: AsyncMongoClient[dict[str, Any]], *command: Any, **options: Any) -> bool:
    """Say whether MongoDB carries out a command of its admin now."""
    try:
        await asked.admin.command(*command, **options)
    except PyMongoError:
        return False
    return True
