"""Rules and officials that were accepted, read from MongoDB by the number of their version."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from services.notifier.engine.directory import Directory, Official
from services.notifier.engine.rules import Rule
from services.notifier.files.rule_files import read_rules
from shared.adapters.mongo import Mongo, translating


class Versions:
    """Reads the collections `rules` and `directories`. A version never changes, so each is read once."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._rules: dict[int, Mapping[str, Rule]] = {}
        self._directory = (0, Directory())

    async def rules(self, version: int) -> Mapping[str, Rule]:
        """Return the rules of a version by id; none where the version is not known."""
        if version not in self._rules:
            with translating("read the rules"):
                found = await self._mongo["rules"].find_one({"_id": version})
            if found is None:
                return {}
            self._rules[version] = {rule.id: rule for rule in accepted_rules(found["text"], version)}
        return self._rules[version]

    async def officials(self, version: int) -> tuple[Official, ...]:
        """Return the officials of a version; before the first, there are none."""
        if version == 0:
            return ()
        with translating("read the directory"):
            found = await self._mongo["directories"].find_one({"_id": version})
        return msgspec.convert(found["officials"], tuple[Official, ...])

    async def directory(self, version: int) -> Directory:
        """Return the directory of a version. Only the last one is kept: it may hold every village's official."""
        if version != self._directory[0]:
            self._directory = version, Directory(await self.officials(version))
        return self._directory[1]


def accepted_rules(text: str, version: int) -> tuple[Rule, ...]:
    """Return rules that were accepted when they were given: a region may have been retired since."""
    return read_rules(text, f"rules of version {version}", lambda _code: True)
