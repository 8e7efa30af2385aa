"""Kafka's jars, fetched once through Maven."""

from __future__ import annotations

import asyncio
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
LIST: Final = Path(__file__).parent / "jars.sha256"
"""SHA-256 and name of each jar, as `sha256sum` writes them. Whoever changes pom.xml makes it anew, and says from where.

The repositories' own checksums, which Maven checks, come from the same place as the jars.
"""
_POM: Final = Path(__file__).parent / "pom.xml"
_MAVEN: Final = "--batch-mode --quiet --strict-checksums dependency:copy-dependencies -DincludeScope=runtime"
_OLDEST_JAVA: Final = 17
"""Kafka 4's server runs on nothing older."""


async def kafka_jars(log: Path, folder: Path = JARS, listed: Path = LIST) -> Path:
    """Return the folder with the jars of the list, each checked now; they are fetched where one is missing or differs.

    Raises: PermanentError that says what to install, why Maven failed, or which jar is not the one on the list.
    """
    _demand_java()
    if await asyncio.to_thread(differing, folder, listed):
        if shutil.which("mvn") is None:
            raise PermanentError("found no Maven, which fetches Kafka: install it (Debian: apt-get install maven)")
        await _fetch(folder, listed, log)
    return folder


def differing(folder: Path, listed: Path = LIST) -> list[str]:
    """Return the names of jars that are missing, that are not on the list, or whose content is not the listed one."""
    wanted = {name: digest for digest, name in (line.split() for line in listed.read_text().splitlines())}
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.glob("*.jar")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


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


async def _fetch(folder: Path, listed: Path, log: Path) -> None:
    """Put the jars there whole or not at all: they are moved in once Maven has ended well and each is as listed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        fetched = Path(place) / "jars"
        await Child("maven", ("mvn", "--file", str(_POM), *_MAVEN.split(), f"-DoutputDirectory={fetched}"), log).run()
        if wrong := await asyncio.to_thread(differing, fetched, listed):
            raise PermanentError(
                f"{', '.join(wrong)}: not the jars of {listed}; nothing was taken. Look where Maven gets them from"
            )
        shutil.rmtree(folder, ignore_errors=True)
        fetched.rename(folder)
