"""The file to try imports with."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path

from deploy.local.sample.enrolments import write
from services.registry.intake import fact_files
from services.registry.intake.parsing import Parser
from shared.regions.catalogue import catalogue

TODAY = date(2026, 11, 21)


def test_every_row_is_another_person_that_the_registry_would_take(tmp_path: Path) -> None:
    """No row is refused, no identity or id twice; on one day the same file."""
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    write(first, 500, TODAY)
    write(second, 500, TODAY)
    assert first.read_bytes() == second.read_bytes()
    parser, now = Parser(catalogue(), b"s"), datetime(2026, 11, 21, 3, tzinfo=UTC)
    sent = [row.content for row in fact_files.read_csv(first.read_text().splitlines())]
    read = [parser.parse(row, now) for row in sent if isinstance(row, bytes)]
    assert [candidate.refusal for candidate in read] == [None] * 500
    with first.open() as opened:
        rows = list(csv.DictReader(opened))
    assert len({row["identity"] for row in rows}) == len({row["id"] for row in rows}) == 500
    assert {row["source"] for row in rows} == {"bpjs/aceh", "dinas/aceh"}
    assert len({row["region"][:5] for row in rows}) == 23
