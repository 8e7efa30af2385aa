"""Where the local stack keeps its things, and what of it is data."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.runtime.errors import PermanentError

REPOSITORY: Final = Path(__file__).parent.parent.parent
JARS: Final = REPOSITORY / ".local" / "jars"
"""Kafka's jars: no data, the same for every home of this clone."""
_NEEDED_BYTES: Final = 1_000_000_000
"""mongod preallocates 300 MB of journal and Kafka's jars take 43 MB; the sample itself is a few MB."""


@dataclass(frozen=True, slots=True)
class Home:
    """One folder, `.local/` unless a test has its own."""

    root: Path

    @property
    def kafka(self) -> Path:
        """Kafka's settings and records."""
        return self.root / "kafka"

    @property
    def mongodb(self) -> Path:
        """MongoDB's files."""
        return self.root / "mongodb"

    @property
    def keys(self) -> Path:
        """The token issuer's keys and the registry's identity key."""
        return self.root / "keys"

    @property
    def tokens(self) -> Path:
        """Ready tokens, one file each."""
        return self.root / "tokens"

    @property
    def mailbox(self) -> Path:
        """Received mail, one .eml file each."""
        return self.root / "mailbox"

    @property
    def logs(self) -> Path:
        """One log a process."""
        return self.root / "logs"

    @property
    def ports(self) -> Path:
        """The ports of the last start, which the next one takes again."""
        return self.root / "ports.json"

    @property
    def lock(self) -> Path:
        """Held by the launcher that uses this folder."""
        return self.root / "lock"

    def log(self, name: str) -> Path:
        """Return the log file of a process."""
        return self.logs / f"{name}.log"

    def make(self) -> None:
        """Make the folders exist.

        Raises: PermanentError when the disk is nearly full.
        """
        for folder in (self.root, self.keys, self.tokens, self.mailbox, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.root).free
        if free < _NEEDED_BYTES:
            raise PermanentError(
                f"the disk of {self.root} has {free // 1_000_000} MB free and the stack needs "
                f"{_NEEDED_BYTES // 1_000_000} MB; make room or run 'make reset'"
            )

    def forget(self) -> None:
        """Remove all data, keys and logs; Kafka's jars stay, so that the next start need not fetch them."""
        for folder in (self.kafka, self.mongodb, self.keys, self.tokens, self.mailbox, self.logs):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (self.ports, self.root / "sample.json"):
            file.unlink(missing_ok=True)
