"""Rules and officials as files: what is read, and that a wrong one is refused with the place named."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from services.notifier.adapters.config_files import read_officials, read_rules
from services.notifier.domain.officials import Role
from services.notifier.domain.rules import Direction, Severity
from shared.regions.catalogue import catalogue
from shared.runtime.errors import PermanentError
from tests.factories_notifier import official

LOCAL = Path(__file__).parents[3] / "deploy" / "local" / "notifier"
IS_REGION = catalogue().__contains__

RULE = """
rules:
  - id: fall
    title: {id: turun, en: fell}
    levels: [regency]
    regions: ["11"]
    measure: registered
    direction: below
    raise_below: 0.35
    clear_above: 0.36
    hold_for: 30m
    window: 30d
    severity: warning
    hears: [bupati, gubernur]
"""
OFFICIAL = """
officials:
  - id: gubernur-aceh
    name: Gubernur Aceh
    role: gubernur
    region: "11"
    email: gubernur.aceh@example.id
    time_zone: WIB
"""


def written(folder: Path, text: str) -> Path:
    """Return a file with the text."""
    file = folder / "file.yaml"
    file.write_text(text)
    return file


def test_the_local_stacks_files_are_right() -> None:
    """Aceh's governor hears at 40 %, exactly; so would another governor of another province."""
    (rule,) = read_rules(LOCAL / "rules.yaml", IS_REGION).values()
    assert (rule.raise_level, rule.clear_level, rule.milestone) == (Decimal("0.4"), Decimal("0.39"), Decimal("0.5"))
    assert (rule.levels, rule.hears, rule.direction) == (
        frozenset({"province"}),
        (Role.GUBERNUR,),
        Direction.ABOVE,
    )
    officials = read_officials(LOCAL / "officials.yaml", IS_REGION)
    assert officials["gubernur-aceh"] == official()
    assert {who.region for who in officials.values()} == {"11", "12"}


def test_a_rule_and_an_official_are_read(tmp_path: Path) -> None:
    """Durations with their unit, levels exact, defaults where nothing is written."""
    (rule,) = read_rules(written(tmp_path, RULE), IS_REGION).values()
    assert (rule.raise_level, rule.clear_level, rule.milestone) == (Decimal("0.35"), Decimal("0.36"), None)
    assert (rule.hold_for, rule.window, rule.severity) == (timedelta(minutes=30), "30d", Severity.WARNING)
    assert read_officials(written(tmp_path, OFFICIAL), IS_REGION) == {"gubernur-aceh": official()}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("raise_below: 0.35", "raise_below: high", "rules entry fall, raise_below = 'high': "),
        ("raise_below: 0.35", "raise_below: -1", "rules entry fall, raise_below = -1: write a ratio over 0"),
        ("raise_below: 0.35", "raise_below: .nan", "rules entry fall, raise_below = nan: "),
        ("raise_below: 0.35", "raise_at: 0.35", "direction below: give raise_below and clear_above, and no other"),
        ("clear_above: 0.36", "clear_above: 0.35", "clear_above: it must lie over raise_below, 0.35"),
        ("hold_for: 30m", "hold_for: 30", "rules entry fall, hold_for = 30: write a number and its unit"),
        ("severity: warning", "severty: warning", "rules entry fall, severty = 'warning': Extra inputs"),
        ("severity: warning", "", "rules entry fall, severity: Field required"),
        ("id: fall", "id: Fall 1", "rules entry Fall 1, id = 'Fall 1': "),
        ("en: fell", "fr: tombe", "title.fr"),
        (", en: fell", "", "title: write it in every language; en is missing"),
        ("hears: [bupati, gubernur]", "hears: [president]", "rules entry fall, hears.0 = 'president': "),
        ("hears: [bupati, gubernur]", "hears: []", "rules entry fall, hears = []: "),
        ('regions: ["11"]', 'regions: ["99"]', "rules entry fall, regions.0 = '99': no region has this code"),
        ("rules:", "rule:", "rules: Field required"),
        ("    levels: [regency]\n    regions: [\"11\"]\n", "", "levels, regions: name at least one of the two"),
        ("rules:\n  - id", "rules:\n  - 7\n  - id", "rules entry 1 = 7: "),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    """File, entry, field, value, and what to do."""
    assert old in RULE
    file = written(tmp_path, RULE.replace(old, new))
    with pytest.raises(PermanentError) as refused:
        read_rules(file, IS_REGION)
    assert str(refused.value).startswith(f"{file}: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("email: gubernur.aceh@example.id", "email: nobody", "officials entry gubernur-aceh, email = 'nobody': "),
        ("time_zone: WIB", "time_zone: Asia/Jakarta", "officials entry gubernur-aceh, time_zone = 'Asia/Jakarta': "),
        ('region: "11"', "region: 11", "officials entry gubernur-aceh, region = 11: "),
        ('region: "11"', 'region: "00"', "officials entry gubernur-aceh, region = '00': no region has this code"),
    ],
)
def test_a_wrong_official_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    """A region is a string: 11.10 as a number would be 11.1."""
    assert old in OFFICIAL
    with pytest.raises(PermanentError) as refused:
        read_officials(written(tmp_path, OFFICIAL.replace(old, new)), IS_REGION)
    assert said in str(refused.value)


def test_an_id_stands_once(tmp_path: Path) -> None:
    """Deliveries and alerts are named by it."""
    twice = OFFICIAL + OFFICIAL.replace("officials:\n", "")
    with pytest.raises(PermanentError, match="gubernur-aceh, id: it is there twice"):
        read_officials(written(tmp_path, twice), IS_REGION)


@pytest.mark.parametrize(
    ("text", "said"),
    [("rules: [", "is no YAML"), ("", "the file = None: Input should be"), ("- 1", "the file = [1]: Input should be")],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Broken, empty, or another shape."""
    with pytest.raises(PermanentError) as refused:
        read_rules(written(tmp_path, text), IS_REGION)
    assert said in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(PermanentError, match=r"absent\.yaml cannot be read"):
        read_rules(tmp_path / "absent.yaml", IS_REGION)
