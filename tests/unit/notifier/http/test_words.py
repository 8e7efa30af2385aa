"""Every decision has words in both languages."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from services.notifier.engine.decisions import HeldReason, Occasion
from services.notifier.engine.directory import Role
from services.notifier.engine.states import MoveReason
from services.notifier.http.words import in_words

ALERT = {"rule": "low", "region": "11", "episode": 1}
LINES: list[dict[str, Any]] = [
    *({"what": "move", "reason": reason} for reason in MoveReason),
    *({"what": "held", "reason": r, "occasion": o, "official": "g"} for r, o in product(HeldReason, Occasion)),
    *({"what": "message", "occasion": o, "official": "g", "channel": f"{c}:x", "alerts": [ALERT]}
      for o, c in product(Occasion, ("email", "webhook", "chat"))),
    *({"what": "vacancy", "role": role} for role in Role),
]  # fmt: skip


@pytest.mark.parametrize("line", LINES, ids=str)
def test_each_decision_is_a_sentence(line: dict[str, Any]) -> None:
    """In Indonesian and in English, which differ; the official is named and no address is."""
    words = in_words(line, {"g": "Gubernur {Aceh}"})
    assert words["id"] != words["en"]
    assert all(text.endswith(".") and ":x" not in text for text in words.values())
    if "official" in line:
        assert all("Gubernur {Aceh}" in text for text in words.values())


def test_a_digest_and_a_move_by_the_potential_say_so() -> None:
    """An official who left the directory is named by id."""
    digest = {"what": "message", "occasion": "raised", "official": "g", "channel": "email:x", "alerts": [ALERT, ALERT]}
    assert in_words(digest, {})["en"] == "The first message to g by e-mail, in a digest of 2 alerts."
    moved = in_words({"what": "move", "reason": "raised", "because": "potential"}, {})
    assert moved["en"] == "The alert was raised, because the potential changed, not the people."
