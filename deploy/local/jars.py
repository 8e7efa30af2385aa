"""Kafka's jars, fetched once through Maven."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from deploy.local.process import Child
from deploy.local.settings import REPOSITORY
from shared.runtime.errors import PermanentError

JARS: Final = REPOSITORY / ".local" / "jars"
"""The jars are no data: every home of this clone uses the same."""
_POM: Final = Path(__file__).parent / "pom.xml"
_MAVEN: Final = "--batch-mode --quiet --strict-checksums dependency:copy-dependencies -DincludeScope=runtime"
_OLDEST_JAVA: Final = 17
"""Kafka 4's server runs on nothing older."""


async def kafka_jars(log: Path, folder: Path = JARS) -> Path:
    """Return the folder with the jars of pom.xml; fetched now if they are not there or the file has changed.

    Raises: PermanentError that says what to install, or why Maven failed.
    """
    _demand_java()
    wanted = hashlib.sha256(_POM.read_bytes()).hexdigest()
    stamp = folder / "pom.sha256"
    if not stamp.exists() or stamp.read_text() != wanted:
        if shutil.which("mvn") is None:
            raise PermanentError("found no Maven, which fetches Kafka: install it (Debian: apt-get install maven)")
        await _fetch(folder, wanted, log)
    return folder


def _demand_java() -> None:
    java = shutil.which("java")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr if java else ""
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < _OLDEST_JAVA:
        found = f"Java {version[1]}" if version else "no Java"
        raise PermanentError(
            f"found {found}: install a JDK {_OLDEST_JAVA} or newer (Debian: apt-get install default-jdk-headless), "
            "or set CAKUPAN_KAFKA_BOOTSTRAP to a Kafka that runs"
        )


async def _fetch(folder: Path, stamp: str, log: Path) -> None:
    """Put the jars there whole or not at all: they are moved in once Maven has ended well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        fetched = Path(place) / "jars"
        await Child("maven", ("mvn", "--file", str(_POM), *_MAVEN.split(), f"-DoutputDirectory={fetched}"), log).run()
        (fetched / "pom.sha256").write_text(stamp)
        shutil.rmtree(folder, ignore_errors=True)
        fetched.rename(folder)
