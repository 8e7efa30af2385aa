"""One rule and its officials, for stacks in which regencies reach 40 % one after the other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from deploy.local.settings import StackConfig
from deploy.local.stack import Part, services
from tests.e2e.world import World

_RULES: Final = """
rules:
  - id: reached
    title: {id: tercapai, en: reached}
    kind: threshold
    measure: active
    direction: above
    raise_at: 0.40
    clear_below: 0.39
    levels: [regency]
    hears: [bupati]
    group_wait: 0s
"""


def services_with_the_rule(config: StackConfig, regencies: Sequence[str]) -> list[Part]:
    """Return the three services; the notifier has the rule, and an official for each of these regencies."""
    rules, officials = config.home.root / "rules.yaml", config.home.root / "officials.yaml"
    rules.write_text(_RULES)
    officials.write_text(json.dumps({"officials": [_official(code) for code in regencies]}))
    return [
        replace(part, environment={**part.environment, "NOTIFIER_RULES": str(rules)}, officials=officials)
        if part.name == "notifier"
        else part
        for part in services(config)
    ]


def _official(code: str) -> dict[str, object]:
    channel = {"kind": "email", "address": address_of(code)}
    return {"id": f"bupati-{code}", "name": f"Bupati {code}", "role": "bupati", "region": code, "channels": [channel]}


def address_of(code: str) -> str:
    """Return where the official of a regency is written to."""
    return f"bupati.{code}@example.id"


async def put_potentials(world: World, regencies: Sequence[str], workers: int) -> None:
    """Load how many workers each regency has."""
    rows = [f"{code},workers,2020-01-01,{workers},BPS,Sakernas" for code in regencies]
    content = "\n".join(["region,basis,valid_from,value,source,definition", *rows])
    headers = {"content-type": "text/csv"}
    answer = await world.request("PUT", "coverage", "/v1/potentials", "operator", content=content, headers=headers)
    assert answer.is_success, answer.text


async def alerts(world: World) -> list[tuple[str, str]]:
    """Return (id, region) of all alerts, in that order."""
    found: list[tuple[str, str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await world.get("notifier", f"/v1/alerts?limit=500{cursor and f'&cursor={cursor}'}")
        found += [(alert["id"], alert["region"]) for alert in page["items"]]
        cursor = page["next"]
    return sorted(found)
