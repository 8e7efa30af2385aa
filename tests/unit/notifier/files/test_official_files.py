"""Files of officials: what is read, what is refused, and what the directory refuses beyond that."""

from __future__ import annotations

from datetime import date

import jsonschema
import pytest
import yaml

from deploy.contracts import schemas
from services.notifier.engine.directory import Channel, Official, QuietHours, Role
from services.notifier.files.entries import Refused, documented
from services.notifier.files.official_files import directory_of, read_officials

ONE = """\
officials:
  - id: g
    name: Gubernur
    role: gubernur
    region: 11
    channels: [{kind: email, address: g@example.id}]
"""
FULL = (
    ONE
    + """\
    language: en
    quiet_hours: {from: 22:00, to: 06:30}
    valid_from: 2024-02-29
    valid_until: 2026-12-31
    deputy: s
"""
)
BUPATI = """\
  - id: {id}
    name: Bupati
    role: bupati
    region: 11.01
    channels: [{{kind: email, address: b@example.id}}]
    valid_from: {start}
    valid_until: {end}
    deputy: {deputy}
"""


def read(text: str) -> tuple[Official, ...]:
    """Return the officials of a text, for which every code is a region but 99."""
    return read_officials(text, "o.yaml", lambda code: code != "99")


def test_what_is_not_written_has_the_defaults_of_the_page() -> None:
    """In office for ever, at all hours, in Indonesian."""
    assert read(ONE) == (
        Official(
            "g", "Gubernur", Role.GUBERNUR, "11", (Channel("email", "g@example.id"),), "id", None, date.min, date.max
        ),
    )


def test_every_field_is_read() -> None:
    """Times of day are not read as numbers to the base of 60, nor days as dates of another kind."""
    assert read(FULL) == (
        Official(
            "g", "Gubernur", Role.GUBERNUR, "11", (Channel("email", "g@example.id"),), "en",
            QuietHours(79_200_000, 23_400_000), date(2024, 2, 29), date(2026, 12, 31), "s",
        ),
    )  # fmt: skip
    jsonschema.validate(yaml.load(FULL, yaml.BaseLoader), schemas()["notifier.officials.schema.json"])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("language: en", "time_zone: WIB", "o.yaml:7: officials entry g, time_zone: there is no such field"),
        ("name: Gubernur", "nama: Gubernur", "o.yaml:3: officials entry g, nama: there is no such field"),
        ("role: gubernur", "role: walikota", "o.yaml:4: officials entry g, role: 'walikota' is refused"),
        ("region: 11", "region: 99", "o.yaml:5: officials entry g, region: '99': no region has this code"),
        ("kind: email", "kind: fax", "o.yaml:6: officials entry g, channels.0.kind: 'fax' is refused"),
        ("[{kind: email, address: g@example.id}]", "[]", "o.yaml:6: officials entry g, channels: write at least one"),
        ("language: en", "language: jv", "o.yaml:7: officials entry g, language: 'jv' is refused"),
        ("from: 22:00", "from: 24:00", "o.yaml:8: officials entry g, quiet_hours.from: '24:00' is refused"),
        (", to: 06:30", "", "o.yaml:8: officials entry g, quiet_hours.to: this field is missing"),
        ("2024-02-29", "2023-02-29", "o.yaml:9: officials entry g, valid_from: '2023-02-29' is refused: write a day"),
        ("id: g", "id: g/h", "o.yaml:2: officials entry g/h, id: 'g/h' is refused"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(old: str, new: str, said: str) -> None:
    """Unknown fields, roles and values."""
    with pytest.raises(Refused) as refused:
        read(FULL.replace(old, new, 1))
    assert said in str(refused.value)


def test_no_two_officials_share_an_id() -> None:
    """The second one's line is named."""
    with pytest.raises(Refused, match=r"^o.yaml:7: officials entry g, id: another official has this id"):
        read(ONE + ONE.removeprefix("officials:\n"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ONE.replace("g@example.id", "g@"), "o.yaml:6: officials entry g, channels.0.address: 'g@' is no address"),
        (ONE.replace("email", "webhook"), "write one such as https://example.id/path"),
        (ONE.replace("email", "chat"), "write one such as tgram://token/chat"),
        (
            ONE.replace("{kind: email, address: g@example.id}", "{kind: chat, address: whatsapp://t@1/+62 812/+62812}"),
            "is no address of this kind",
        ),
        (
            ONE.replace("{kind: email, address: g@example.id}", "{kind: chat, address: whatsapp://t@1/+0812/+628123456789}"),
            "o.yaml:6: officials entry g, channels.0.address: '+0812' is no telephone number; write the country's code",
        ),
        (ONE.replace("region: 11", "region: 11.01"), "o.yaml:4: officials entry g, role: the role gubernur"),
        (FULL, "o.yaml:11: officials entry g, deputy: no official has the id 's'"),
        (FULL.replace("deputy: s", "deputy: g"), "o.yaml:11: officials entry g, deputy: deputies form a ring"),
        (FULL.replace("2026-12-31", "2024-02-28"), "o.yaml:10: officials entry g, valid_until: the term ends before"),
        (
            ONE + BUPATI.format(id="a", start="2024-01-01", end="2024-12-31", deputy="g")
            + BUPATI.format(id="b", start="2024-12-31", end="2025-12-31", deputy="g"),
            "o.yaml:20: officials entry b, valid_from: the term overlaps that of a",
        ),
        (
            "officials:\n" + BUPATI.format(id="a", start="2024-01-01", end="2024-12-31", deputy="b")
            + BUPATI.format(id="b", start="2025-01-01", end="2025-12-31", deputy="a"),
            "o.yaml:9: officials entry a, deputy: deputies form a ring",
        ),
    ],
)  # fmt: skip
def test_the_directory_refuses_what_would_never_reach_anybody(text: str, said: str) -> None:
    """The engine could read each of these."""
    assert read(text)
    with pytest.raises(Refused) as refused:
        directory_of(documented(text, "o.yaml"), "o.yaml", lambda _: True)
    assert said in str(refused.value)


def test_a_directory_without_such_faults_is_read() -> None:
    """One term may begin on the day after another's end, and deputies may be in a row."""
    text = ONE + BUPATI.format(id="a", start="2024-01-01", end="2024-12-31", deputy="b") + BUPATI.format(
        id="b", start="2025-01-01", end="2025-12-31", deputy="g"
    )  # fmt: skip
    assert directory_of(documented(text, "o.yaml"), "o.yaml", lambda _: True) == read(text)
