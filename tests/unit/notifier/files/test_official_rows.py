"""Officials from CSV and JSON are the same as from YAML, and refusals name the row."""

from __future__ import annotations

import json
from datetime import date

import pytest

from services.notifier.engine.directory import Channel, QuietHours
from services.notifier.files.entries import Refused
from services.notifier.files.official_files import directory_of
from services.notifier.files.official_rows import csv_document, json_document

SHORT = "id,name,role,region,email\n"
HEADER = "id,name,role,region,email,webhook,chat,language,quiet_from,quiet_to,valid_from,valid_until,deputy\n"


def test_a_row_of_csv_is_an_official() -> None:
    """Cells with several addresses give several channels; empty cells are defaults."""
    body = HEADER + "g,Gubernur,gubernur,11,a@x.id b@x.id,https://x.id/h,,en,22:00,06:00,2026-01-01,2026-12-31,\n"
    (found,) = directory_of(csv_document(body.encode(), "o.csv"), "o.csv", lambda _: True)
    assert found.channels == (
        Channel("email", "a@x.id"),
        Channel("email", "b@x.id"),
        Channel("webhook", "https://x.id/h"),
    )
    assert (found.quiet_hours, found.valid_until) == (QuietHours(79_200_000, 21_600_000), date(2026, 12, 31))
    assert (found.language, found.deputy) == ("en", None)


def test_json_is_a_list_or_an_object_with_the_list() -> None:
    """Codes that are numbers are read as they are written."""
    channels = '[{"kind": "email", "address": "a@x"}]'
    one = f'{{"id": "g", "name": "G", "role": "bupati", "region": 11.10, "channels": {channels}}}'
    for text in (f"[{one}]", f'{{"officials": [{one}]}}'):
        (found,) = directory_of(json_document(text.encode(), "o.json"), "o.json", lambda _: True)
        assert found.region == "11.10"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            SHORT + "g,G,gubernur,11,g@x.id\nb,B,bupati,11,b@x.id\n",
            "o.csv:3: officials entry b, role: the role bupati",
        ),
        (SHORT + "g,G,gubernur,11,\n", "o.csv:2: officials entry g, channels: write at least one"),
        (
            HEADER + "g,G,gubernur,11,a@x.id,,,,22:00,,,,\n",
            "o.csv:2: officials entry g, quiet_hours.to: this field is missing",
        ),
        ("id;name\n", "o.csv: columns are divided by semicolons"),
        ("id,name,role\n", "o.csv: the column region is missing"),
        ("", "o.csv: the file is empty"),
        (HEADER + "g,G,gubernur,11,,,,,,,,,,x\n", "o.csv:2:"),
    ],
)
def test_a_fault_names_its_line(body: str, said: str) -> None:
    """And what to do."""
    with pytest.raises(Refused) as refused:
        directory_of(csv_document(body.encode(), "o.csv"), "o.csv", lambda _: True)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, json.dumps("x").encode(), b"[1]"])
def test_json_of_another_form_is_refused(body: bytes) -> None:
    """Nesting without end, too."""
    with pytest.raises(Refused):
        directory_of(json_document(body, "o.json"), "o.json", lambda _: True)
