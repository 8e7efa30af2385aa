"""The message, word for word."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.adapters.email import assemble
from services.notifier.application.alerts import Alert, Delivery, Message
from services.notifier.application.compose import Composer
from services.notifier.domain.ids import delivery_id
from services.notifier.domain.rules import Measure
from shared.contracts.snapshots import Count, Coverage, Ratio, Snapshot
from tests.factories_notifier import NOW, aceh_at_40, below, child, flows, official, rule, snapshot

COMPOSER = Composer("http://127.0.0.1:8002/")
WHOLE = st.integers(-(2**63), 2**63)

INDONESIAN = """\
Yth. Gubernur Aceh,

Aceh (provinsi, 11): cakupan pekerja aktif mencapai 40%.

Aktif: 6.844 dari 17.109 pekerja potensial = 40,00%
Terdaftar: 6.844 dari 17.109 pekerja potensial = 40,00%
Keadaan per 21 November 2026 14.34 WIB.

Belum terlindungi: 10.265 orang
Kurang untuk mencapai 50%: 1.711 orang

Perubahan pekerja aktif dalam 7 hari: +327
- bergabung: 329 orang (aktif +329)
- menjadi nonaktif: 2 orang (aktif −2)

Wilayah yang paling mengubahnya:
- Kabupaten Aceh Besar: +120
- Kota Banda Aceh: +90
- Kabupaten Pidie: +70
- Kabupaten Aceh Utara: +30
- Kabupaten Aceh Jaya: +12

Pekerja potensial: 17.109, sumber BPS Sakernas, berlaku sejak 1 September 2023.
Selengkapnya: http://127.0.0.1:8002/wilayah/11
Nomor peringatan: be9b5762-13f0-59ff-aa21-c5b7cc5b88c3
"""

ENGLISH = """\
Dear Gubernur Aceh,

Aceh (province, 11): coverage of active workers has reached 40%.

Active: 6,844 of 17,109 potential workers = 40.00%
Registered: 6,844 of 17,109 potential workers = 40.00%
As of 21 November 2026 14:34 WIB.

Not yet covered: 10,265 people
Short of 50%: 1,711 people

Change in active workers within 7 days: +327
- joined: 329 people (active +329)
- lapsed: 2 people (active −2)

Regions that moved it most:
- Kabupaten Aceh Besar: +120
- Kota Banda Aceh: +90
- Kabupaten Pidie: +70
- Kabupaten Aceh Utara: +30
- Kabupaten Aceh Jaya: +12

Potential workers: 17,109, source BPS Sakernas, valid from 1 September 2023.
More: http://127.0.0.1:8002/wilayah/11
Alert: be9b5762-13f0-59ff-aa21-c5b7cc5b88c3
"""


def composed(of: Alert, children: list[Snapshot], **who: str) -> Message:
    """Return the message to the governor."""
    return COMPOSER.compose(of, official(**who), children, NOW)


@pytest.mark.parametrize(
    ("language", "subject", "text"),
    [
        ("id", "Aceh: cakupan pekerja aktif mencapai 40% (6.844 dari 17.109 = 40,00%)", INDONESIAN),
        ("en", "Aceh: coverage of active workers has reached 40% (6,844 of 17,109 = 40.00%)", ENGLISH),
    ],
)
def test_the_message_to_the_governor_of_aceh(language: str, subject: str, text: str) -> None:
    """It has numerator, denominator, ratio, gap, movers, source, time, link and id."""
    region, children = aceh_at_40()
    message = composed(Alert(rule(), region, 1, NOW), children, language=language)
    assert (message.recipient, message.subject) == ("gubernur.aceh@example.id", subject)
    assert message.text == text
    assert message.date == "Sat, 21 Nov 2026 14:34:57 +0700"


def test_the_html_says_the_same() -> None:
    """It contains every line of the text."""
    region, children = aceh_at_40()
    message = composed(Alert(rule(), region, 1, NOW), children)
    for line in message.text.splitlines():
        assert line.removeprefix("- ").removeprefix("Selengkapnya: ").partition(" (provinsi")[0] in message.html


def test_below_the_rules_level_the_people_short_of_it_are_named() -> None:
    """34.00 % of 17,109: 171 short of 35 %; no milestone is asked for, no child moved."""
    fallen = snapshot(5_818, flows=flows(lapsed=Count(300, -300)), region="91", name="Papua")
    text = composed(Alert(below(), fallen, 1, NOW), []).text
    assert "Kurang untuk mencapai 35%: 171 orang\n\nPerubahan pekerja aktif dalam 7 hari: −300\n" in text
    assert "Keadaan per 21 November 2026 16.34 WIT." in text
    assert "Wilayah yang paling" not in text


def test_registered_stands_beside_active_with_its_own_figure() -> None:
    """A rule on registered people counts them, not the active ones."""
    both = snapshot(0, coverage=Coverage(Ratio(7_000, 17_109, 0.4091), Ratio(6_000, 17_109, 0.3507)))
    of = rule(measure=Measure.REGISTERED, title={"id": "terdaftar 40%", "en": "registered 40%"})
    text = composed(Alert(of, both, 1, NOW), [child("11.01", 7, 5)]).text
    assert "Aktif: 6.000 dari 17.109 pekerja potensial = 35,07%" in text
    assert "Terdaftar: 7.000 dari 17.109 pekerja potensial = 40,91%" in text
    assert "Belum terdaftar: 10.109 orang" in text


def test_names_cannot_inject_markup_or_headers() -> None:
    """HTML is escaped, a subject is one line."""
    named = snapshot(6_844, name="Aceh\r\nBcc: x@y <b>")
    message = composed(Alert(rule(), named, 1, NOW), [child("11.01", 1, 1, name="<script>")])
    assert message.subject.startswith("Aceh Bcc: x@y <b>: ")
    assert "<script>" not in message.html
    assert "&lt;script&gt;" in message.html


@given(
    st.integers(0, 2**63), st.integers(1, 2**63), st.text(min_size=1),
    st.dictionaries(st.text(), st.builds(Count, WHOLE, WHOLE), max_size=4),
)  # fmt: skip
def test_a_message_can_be_written_for_any_snapshot(
    active: int, potential: int, name: str, kinds: dict[str, Count]
) -> None:
    """No count, name or new kind of flow prevents a message from being written and sent."""
    region = snapshot(active, potential_workers=potential, name=name, flows=flows(**{}) | {"7d": kinds})
    message = composed(Alert(rule(), region, 1, NOW), [])
    assert assemble(delivery(), message, "Cakupan <cakupan@example.id>")


def delivery() -> Delivery:
    """Return the delivery of an alert to the governor."""
    return Delivery(delivery_id("a-1", "gubernur-aceh", "email"), "a-1", "gubernur-aceh", "email", NOW, NOW, "")


def test_the_mail_has_a_stable_id_and_the_same_bytes_each_time() -> None:
    """A receiver can drop a repeat, and sees that the mail was generated."""
    region, children = aceh_at_40()
    message = composed(Alert(rule(), region, 1, NOW), children)
    raw = assemble(delivery(), message, "Cakupan <cakupan@example.id>")
    assert raw == assemble(delivery(), message, "Cakupan <cakupan@example.id>")
    mail = message_from_bytes(raw, policy=SMTP)
    assert mail["Message-ID"] == f"<{delivery().id}@example.id>"
    assert (mail["X-Cakupan-Alert"], mail["Auto-Submitted"]) == ("a-1", "auto-generated")
    assert mail["Date"] == message.date
    plain, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == message.text
    assert html.get_content().replace("\r\n", "\n") == message.html
