"""The local stack's settings, from the environment, and the folder in which it keeps everything."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.adapters.kafka_access import KafkaAccess, KafkaSettings
from shared.runtime.errors import PermanentError

REPOSITORY: Final = Path(__file__).parent.parent.parent
"""The root of this clone, where commands run."""
OPERATORS_HOST: Final = "127.0.0.1"
"""The operators' listeners of the stack answer this machine only, wherever the services themselves listen."""
_NEEDED_BYTES: Final = 1_000_000_000
"""mongod preallocates 300 MB of journal and Kafka's jars take 43 MB; the sample itself is a few MB."""
SERVICES: Final = ("registry", "coverage", "notifier")
"""Each has a port, a listener for operators, a database and a user of its own."""
_PARTS: Final = (*SERVICES, *(f"{name}_operators" for name in SERVICES), "mailbox", "smtp")
ANY_PORTS: Final[dict[str, Any]] = {f"{name}_port": 0 for name in _PARTS}
"""Settings of a stack that may run beside others."""


class Home:
    """One folder, `.local/` unless a test has its own."""

    def __init__(self, root: Path) -> None:
        """Name the folders and files; `make` creates the folders."""
        self.root = root
        self.kafka, self.mongodb = root / "kafka", root / "mongodb"
        self.keys, self.tokens = root / "keys", root / "tokens"
        self.mailbox, self.logs = root / "mailbox", root / "logs"
        self.ports, self.sample, self.lock = root / "ports.json", root / "sample.json", root / "lock"

    def log(self, name: str) -> Path:
        """Return the log file of a process."""
        return self.logs / f"{name}.log"

    def mongodb_uri(self, service: str) -> Path:
        """Return the file with the URI, password included, by which a service reaches MongoDB."""
        return self.keys / f"{service}-mongodb.uri"

    def token(self, name: str) -> str:
        """Return one of the ready tokens."""
        return (self.tokens / f"{name}.jwt").read_text().strip()

    def make(self) -> None:
        """Make the folders exist.

        Raises: PermanentError when the disk is nearly full.
        """
        for folder in (self.root, self.keys, self.tokens, self.mailbox, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        # Data, mails and tokens are their owner's. A folder of an earlier version is closed now.
        self.root.chmod(0o700)
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
        for file in (self.ports, self.sample):
            file.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder's lock during the block; the kernel frees it when this process ends, however it ends.

        Raises: PermanentError naming the process that holds it.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with self.lock.open("a+") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                held.seek(0)
                raise PermanentError(
                    f"a stack already runs on {self.root} (process {held.read().strip()}); stop it first with Ctrl-C"
                ) from None
            held.truncate(0)
            held.write(str(os.getpid()))
            held.flush()
            yield


class StackSettings(KafkaSettings):
    """Ports of 0 are chosen once and remembered. Servers that are named here are used and not started.

    `mongodb_cache_gb`: mongod's default is half the memory, too much beside everything else; this value suffices for
    some 100,000 people.
    """

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    folder: Path = Field(REPOSITORY / ".local", validation_alias="CAKUPAN_LOCAL")
    kafka_bootstrap: str = Field("", validation_alias="CAKUPAN_KAFKA_BOOTSTRAP")
    mongodb_uri: str = Field("", validation_alias="CAKUPAN_MONGODB_URI")
    mongodb_cache_gb: float = Field(0.25, validation_alias="CAKUPAN_MONGODB_CACHE_GB")
    namespace: str = Field("", validation_alias="CAKUPAN_NAMESPACE")
    host: str = Field("127.0.0.1", validation_alias="CAKUPAN_HOST")
    registry_port: int = Field(8001, validation_alias="REGISTRY_PORT")
    coverage_port: int = Field(8002, validation_alias="COVERAGE_PORT")
    notifier_port: int = Field(8003, validation_alias="NOTIFIER_PORT")
    registry_operators_port: int = Field(9001, validation_alias="REGISTRY_OPERATORS_PORT")
    coverage_operators_port: int = Field(9002, validation_alias="COVERAGE_OPERATORS_PORT")
    notifier_operators_port: int = Field(9003, validation_alias="NOTIFIER_OPERATORS_PORT")
    mailbox_port: int = Field(8025, validation_alias="MAILBOX_PORT")
    smtp_port: int = Field(0, validation_alias="MAILBOX_SMTP_PORT")

    @property
    def ports(self) -> dict[str, int]:
        """The port wanted for each part, 0 where any will do."""
        return {name: getattr(self, f"{name}_port") for name in _PARTS}

    @property
    def home(self) -> Home:
        """Where this stack keeps its things."""
        return Home(self.folder)


@dataclass(frozen=True, slots=True)
class StackConfig:
    """Where the parts of a started stack are: its servers, its ports by name, its folder."""

    home: Home
    host: str
    ports: Mapping[str, int]
    kafka: KafkaAccess
    mongodb_uri: str
    namespace: str

    def url(self, name: str) -> str:
        """Return the base URL of a part, without a slash at the end."""
        return f"http://{self.host}:{self.ports[name]}"

    def operators_url(self, name: str) -> str:
        """Return where a service's metrics and health are; the mailbox has its health beside its page."""
        port = self.ports.get(f"{name}_operators")
        return self.url(name) if port is None else f"http://{OPERATORS_HOST}:{port}"


def kept_secret(file: Path) -> str:
    """Return the secret in the file; one that is missing is drawn now. 64 hexadecimal digits, at home in any URI."""
    if not file.exists():
        write_whole(file, secrets.token_hex(32))
    return file.read_text().strip()


def write_whole(file: Path, text: str) -> None:
    """Put the text there, whole or not at all, for its owner's eyes only."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".tmp")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    fresh.replace(file)
