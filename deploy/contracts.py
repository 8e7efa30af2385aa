"""Writes the JSON Schemas of what travels between services and of the files of rules and officials, and the list of
every route, made from the code itself.

`python -m deploy.contracts` writes them; `--check` fails where the committed files differ, so that a contract never
changes unseen.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from deploy.routes import routes
from services.notifier.files.official_files import OfficialFile
from services.notifier.files.rule_files import RuleFile
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


def files() -> dict[str, str]:
    """Return file name → content for every contract."""
    made = {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas().items()}
    return made | {"routes.md": routes()}


def _generated() -> list[Path]:
    return [*FOLDER.glob("*.schema.json"), *FOLDER.glob("routes.md")]


def differing() -> list[str]:
    """Return the names of files that are missing, differ, or belong to no contract any more."""
    made, there = files(), {path.name: path.read_text(encoding="utf-8") for path in _generated()}
    return sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))


def main() -> int:
    """Write or check; return the exit code."""
    names, made = differing(), files()
    for name in names:
        if "--check" in sys.argv[1:]:
            sys.stderr.write(f"docs/contracts/{name} differs from the code; run 'make contracts' and read the diff\n")
        elif name in made:
            (FOLDER / name).write_text(made[name], encoding="utf-8")
        else:
            (FOLDER / name).unlink()
    return 1 if names and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
