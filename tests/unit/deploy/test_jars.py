"""Kafka's jars are those of our own list, each time, and never others."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from deploy.local import jars
from deploy.local.jars import LIST, differing, kafka_jars
from shared.runtime.errors import PermanentError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two jars, and the list of them beside it."""
    there = tmp_path / "jars"
    there.mkdir()
    for name in ("a.jar", "b.jar"):
        (there / name).write_bytes(name.encode())
    lines = [f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n" for name in ("a.jar", "b.jar")]
    (tmp_path / "list").write_text("".join(lines))
    return there


def test_what_is_changed_missing_or_new_differs(folder: Path) -> None:
    """Each is named."""
    listed = folder.parent / "list"
    assert differing(folder, listed) == []
    (folder / "a.jar").write_bytes(b"other")
    (folder / "b.jar").unlink()
    (folder / "c.jar").write_bytes(b"")
    assert differing(folder, listed) == ["a.jar", "b.jar", "c.jar"]


async def test_a_jar_that_is_not_the_listed_one_is_not_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed jar makes Maven fetch anew, and what it fetches is checked before anything is replaced."""

    class Maven:
        def __init__(self, _name: str, command: tuple[str, ...], _log: Path) -> None:
            self._into = Path(command[-1].partition("=")[2])

        async def run(self) -> None:
            shutil.copytree(folder, self._into)

    (folder / "a.jar").write_bytes(b"other")
    monkeypatch.setattr(jars, "Child", Maven)
    monkeypatch.setattr(shutil, "which", lambda _: "/bin/true")
    monkeypatch.setattr(jars, "_demand_java", lambda: None)
    with pytest.raises(PermanentError, match=r"a.jar: not the jars of"):
        await kafka_jars(folder.parent / "log", folder, folder.parent / "list")
    assert (folder / "b.jar").exists()


def test_our_list_names_kafka() -> None:
    """It is in sha256sum's form, and not empty."""
    lines = [line.split("  ") for line in LIST.read_text().splitlines()]
    assert all(len(digest) == 64 and name.endswith(".jar") for digest, name in lines)
    assert "kafka_2.13-4.2.0.jar" in {name for _, name in lines}
