from __future__ import annotations

import csv

from hypothesis import given
from hypothesis import strategies as st

from deploy.local.sample.figures import Figures
from deploy.local.sample.potentials import FILE, HEADER, potentials_csv
from shared.regions.catalogue import catalogue


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_the_file_is_what_the_rule_gives() -> None:
    """Nobody edited the file by hand; `python -m deploy.local.sample` writes it."""
    assert FILE.read_text() == potentials_csv()
    assert tuple(rows(FILE.read_text())[0]) == HEADER


@given(one_to=st.integers(10, 20_000))
def test_the_regencies_sum_to_the_province(one_to: int) -> None:
    """The split leaves nobody out and counts nobody twice; each regency of the province has its row."""
    province, *regencies = rows(potentials_csv(one_to))
    assert province["region"] == "11"
    assert int(province["value"]) == Figures.at(one_to).potential == sum(int(row["value"]) for row in regencies)
    assert [row["region"] for row in regencies] == list(catalogue().children("11"))


def test_the_file_says_what_is_invented() -> None:
    """The province's figure names where it was published; every regency's says that it was not."""
    province, *regencies = rows(potentials_csv())
    assert province["source"].startswith("https://waspadaaceh.com/")
    assert all(row["definition"].startswith("invented") for row in regencies)
