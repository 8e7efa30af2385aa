"""Writes the JSON Schemas of what travels between services, and of the files of rules and officials, made from the
classes themselves.

`python -m deploy.contracts` writes them; `--check` fails where the committed files differ, so that a contract never
changes unseen.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from services.notifier.adapters.official_files import OfficialFile
from services.notifier.adapters.rule_files import RuleFile
from shared.contracts import topics
from shared.contracts.changes import Change
from shared.contracts.examples import FACTS
from shared.contracts.facts import TYPES
from shared.contracts.rejections import Rejection
from shared.contracts.snapshots import Snapshot

FOLDER: Final = Path(__file__).parent.parent / "docs" / "contracts"


def schemas() -> dict[str, dict[str, Any]]:
    """Return file name → JSON Schema for every contract."""
    published: dict[str, Any] = {
        topics.CHANGES.name: Change,
        topics.SNAPSHOTS.name: Snapshot,
        topics.FACTS_REJECTED.name: Rejection,
        "notifier.rules": RuleFile,
        "notifier.officials": OfficialFile,
    }
    examples = {fact["type"]: {"examples": [fact]} for fact in FACTS.values()}
    return {
        f"{name}.schema.json": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **TypeAdapter(contract).json_schema(),
            **examples.get(name, {}),
        }
        for name, contract in {**TYPES, **published}.items()
    }


def written(schema: dict[str, Any]) -> str:
    """Return the schema as its file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def differing() -> list[str]:
    """Return the names of files that are missing, differ, or belong to no contract any more."""
    made = {name: written(schema) for name, schema in schemas().items()}
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.schema.json")}
    return sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))


def main() -> int:
    """Write or check; return the exit code."""
    names = differing()
    if "--check" in sys.argv[1:]:
        for name in names:
            sys.stderr.write(f"docs/contracts/{name} differs from the code; run 'make contracts' and read the diff\n")
        return 1 if names else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names:
        (FOLDER / name).unlink(missing_ok=True)
    for name, schema in schemas().items():
        (FOLDER / name).write_text(written(schema), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
