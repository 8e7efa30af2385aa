"""Folders, ports and the lock of a local stack."""

from __future__ import annotations

import os
import shutil
import socket
from collections import namedtuple
from pathlib import Path

import pytest

from deploy.local.ports import remembered_ports
from deploy.local.settings import Home
from shared.runtime.errors import PermanentError

Usage = namedtuple("Usage", "total used free")


def test_a_second_launcher_is_turned_away_while_the_first_runs(tmp_path: Path) -> None:
    """With the first one's process id; afterwards the way is free."""
    home = Home(tmp_path)
    with (
        home.locked(),
        pytest.raises(PermanentError, match=rf"already runs on {tmp_path} \(process {os.getpid()}\)"),
        home.locked(),
    ):
        pass
    with home.locked():
        assert home.lock.read_text() == str(os.getpid())


def test_ports_are_taken_again_unless_somebody_else_has_them(tmp_path: Path) -> None:
    """Each name keeps its port; a taken one gets another; no two names share one."""
    file = tmp_path / "ports.json"
    first = remembered_ports(file, ["kafka", "mongod"])
    assert remembered_ports(file, ["kafka", "mongod"]) == first
    with socket.create_server(("127.0.0.1", first["kafka"])):
        second = remembered_ports(file, ["kafka", "mongod", "smtp"])
    assert second["mongod"] == first["mongod"]
    assert second["kafka"] != first["kafka"]
    assert len(set(second.values())) == 3


def test_a_full_disk_is_reported_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what is free and what is needed."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 5_000_000, 5_000_000))
    with pytest.raises(PermanentError, match="5 MB free and the stack needs 1000 MB"):
        Home(tmp_path).make()


def test_a_reset_forgets_what_a_stack_has_made(tmp_path: Path) -> None:
    """Nothing but the lock's own file is left."""
    home = Home(tmp_path)
    home.make()
    remembered_ports(home.ports, ["kafka"])
    home.sample.write_text("{}")
    for folder in (home.kafka, home.mongodb):
        folder.mkdir()
    with home.locked():
        home.forget()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_the_folder_is_its_owners_alone(tmp_path: Path) -> None:
    """Also one that an earlier version left open."""
    root = tmp_path / "local"
    root.mkdir(mode=0o755)
    Home(root).make()
    assert root.stat().st_mode & 0o777 == 0o700
