"""What a message says: word for word in docs/messages, and here what matters in each kind and occasion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from deploy.messages import files_of, samples
from services.notifier.engine import rules
from services.notifier.engine.decisions import Occasion
from services.notifier.engine.rules import Direction, Language, Lines
from services.notifier.messages.chart import Bar, Chart, Mark, bar_chart_png
from services.notifier.messages.compose import Composer, fitted
from services.notifier.messages.message import Message, MessageFacts
from services.notifier.messages.page import Link
from services.notifier.messages.samples import (
    KINDS,
    RAISED,
    official,
    sample_digest,
    sample_facts,
    sample_message,
    snapshot,
)
from services.notifier.messages.sources import source_of
from services.notifier.messages.templates import BrokenTemplateError, Phrases
from services.notifier.messages.words import LANGUAGES, Words
from shared.contracts.snapshots import Count, Potential, Snapshot

COMPOSER = Composer()
EXAMPLES = Path(__file__).parents[4] / "docs" / "messages"


def raised(kind: str = "threshold", language: Language = "id", **over: Any) -> MessageFacts:
    """Return the facts of a raise, with other values in its alert."""
    facts = sample_message(kind, Occasion.RAISED, language)
    return replace(facts, alerts=(replace(facts.alerts[0], **over),))


def of(region: Snapshot, kind: str = "threshold", language: Language = "id", **over: Any) -> Message:
    """Return the message of a raise in this region."""
    return COMPOSER.compose(raised(kind, language, **{"raised_by": region, "newest": region, "below": (), **over}))


@pytest.mark.parametrize(("name", "facts"), [pytest.param(*each, id=each[0]) for each in samples()])
def test_examples_in_the_docs_are_what_the_code_writes(name: str, facts: MessageFacts) -> None:
    """Each occasion in both languages, word for word; `make messages` writes them anew."""
    for file, content in files_of(name, COMPOSER.compose(facts)).items():
        assert (EXAMPLES / file).read_text(encoding="utf-8") == content


SAID = {
    "threshold": ("di bawah 40%: 48.210 dari 136.020 potensi pekerja (35,44%), kurang 6.198 orang.",
                  "is below 40%: 48,210 of 136,020 potential workers (35.44%), 6,198 people short."),
    "people": ("peserta aktif yang dibayar CSR di Kabupaten Tanah Bumbu di bawah 2.000 orang: kini 1.310",
               "paid by CSR in Kabupaten Tanah Bumbu is below 2,000: 1,310 people, 690 people short."),
    "share": ("mencapai 50%: 26.515 dari 48.210 peserta aktif (55,00%), 2.410 orang di atas batas.",
              "has reached 50%: 26,515 of 48,210 active participants (55.00%), 2,410 people over the level."),
    "fall": ("Dalam 30 hari Kabupaten Tanah Bumbu kehilangan 1.192 peserta aktif (bersih), yaitu 0,88% dari 136.020",
             "Within 30 days Kabupaten Tanah Bumbu lost 1,192 active participants (net), which is 0.88% of 136,020"),
    "quota": ("kurang 2.310 orang untuk memenuhi kuota 100 pekerja rentan aktif per desa: 48 dari 144 desa belum",
              "2,310 people short of the quota of 100 active vulnerable workers a village: 48 of 144 villages"),
    "behind": ("kurang 6.198 orang dari jalur target hari ini: 48.210 peserta aktif dari 54.408 yang seharusnya",
               "6,198 people behind today's target path: 48,210 active participants of 54,408 required"),
    "forecast": ("baru mencapai target 45% pada 9 Maret 2028, 69 hari lebih lambat dari tenggat 31 Desember 2027",
                 "reaches the target of 45% only on 9 March 2028, 69 days later than due on 31 December 2027"),
    "lapse_ahead": ("3.909 peserta aktif di Kabupaten Tanah Bumbu akan nonaktif dalam 30 hari jika iurannya tidak "
                    "dibayar; pembayarnya: APBD kabupaten/kota 3.615",
                    "3,909 active participants in Kabupaten Tanah Bumbu lapse within 30 days if nobody pays"),
    "designation": ("berstatus Desa Sadar “ditetapkan, gugur syarat”: 8 dari 10 perangkat desa aktif, kurang 2 orang",
                    "is “designated, conditions broken”: 8 of 10 village officials are active, 2 short"),
    "silence": ("Sumber bpjs/kalsel diam: tidak ada data tentang Kabupaten Tanah Bumbu sejak 21 November 2026 04.42",
                "Source bpjs/kalsel is silent: no data about Kabupaten Tanah Bumbu since 21 November 2026 04:42 WITA"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_says_what_crossed_in_one_sentence(kind: str) -> None:
    """The first line of the body has the numbers an official acts on, in both languages."""
    for language, sentence in zip(LANGUAGES, SAID[kind], strict=True):
        assert sentence in COMPOSER.compose(sample_message(kind, Occasion.RAISED, language)).text.split("\n\n")[1]


@pytest.mark.parametrize("language", ["id", "en"])
def test_subjects_differ_between_occasions_and_name_region_rule_and_figure(language: Language) -> None:
    """A subject is understood alone."""
    subjects = {COMPOSER.compose(sample_message("threshold", each, language)).subject for each in Occasion}
    assert len({subject.partition(":")[0] for subject in subjects}) == len(Occasion)
    assert all("Kabupaten Tanah Bumbu" in subject and "40%" in subject and "," in subject for subject in subjects)
    assert COMPOSER.compose(sample_digest(language)).subject.count("5") > 0


def test_a_raise_says_when_it_goes_to_whom_and_how_to_stop_that() -> None:
    """What happens next has a time in the region's zone and names; a role without an official is named as such."""
    text = COMPOSER.compose(raised()).text
    assert "pada 24 November 2026 14.02 WITA peringatan ini diteruskan kepada Gubernur Kalimantan Selatan dan" in text
    assert "dan Sekda Provinsi." in text
    assert "setiap 7 hari" in text
    alone = COMPOSER.compose(raised(next_step=None, acknowledge_url=None)).text
    assert "tidak diteruskan lagi" in alone
    assert "Tanggapi peringatan ini" not in alone


def test_gaps_are_people_to_the_level_to_the_recovery_and_to_the_next_target() -> None:
    """Whole numbers decide: 40 % of 136,020 is 54,408 people."""
    text = COMPOSER.compose(raised()).text
    assert "Kurang ke batas 40%: 6.198 orang" in text
    assert "Peringatan pulih mulai 41%: 7.559 orang lagi" in text
    assert "Kurang ke target 45% per 31 Desember 2027: 12.999 orang" in text
    assert "Perlu 963 orang sebulan" in text


def test_numbers_that_round_up_to_the_level_still_say_who_is_missing() -> None:
    """39.996 % is written 40,00% and is one person short."""
    region = snapshot("63.10", "Tanah Bumbu", 9_999, 25_000)
    assert "9.999 dari 25.000 potensi pekerja (40,00%), kurang 1 orang." in of(region).text


def test_a_moved_potential_is_told_apart_from_moved_people() -> None:
    """Because of the potential, because of people, or not known: no flow went that way."""
    region = snapshot("63.10", "Tanah Bumbu", 48_210, 136_020)
    assert "Yang berubah potensinya, bukan pesertanya: potensi 136.020" in of(region, because_potential=True).text
    assert "Yang berubah jumlah pesertanya, bukan potensinya." in of(region).text
    still = replace(region, flows={})
    assert "bukan potensinya" not in of(still).text
    assert "bukan pesertanya" not in of(still).text


def test_a_potential_that_was_revised_after_the_raise_is_told() -> None:
    """The reader sees why the ratio is another."""
    revised = {"workers": Potential(140_000, "BPS", date(2026, 11, 22), 3)}
    before = snapshot("63.10", "Tanah Bumbu", 48_210, 136_020)
    text = of(before, newest=replace(before, potential=revised)).text
    assert "potensi diubah dari 136.020 menjadi 140.000." in text
    assert "Saat peringatan dibuat, 21 November 2026 14.02 WITA: 48.210 dari 136.020 potensi pekerja (35,44%)." in text


def test_if_the_newest_figure_has_left_the_raise_side_the_crossing_keeps_its_own() -> None:
    """A sentence that is not true now is not said of now."""
    before = snapshot("63.10", "Tanah Bumbu", 48_210, 136_020)
    message = of(before, newest=snapshot("63.10", "Tanah Bumbu", 54_500, 136_020))
    assert "48.210 dari 136.020 potensi pekerja (35,44%), kurang 6.198 orang." in message.text
    assert "Kini: 54.500 dari 136.020 potensi pekerja (40,07%)." in message.text
    assert "35,44%" in message.subject


def test_the_five_regions_below_that_are_most_short_come_first() -> None:
    """By people short of the same level, not by ratio."""
    rows = COMPOSER.compose(raised()).text.partition("Kecamatan dengan kekurangan terbesar\n")[2].split("\n\n")[0]
    assert [row.partition(":")[0] for row in rows.splitlines()] == [
        "- Simpang Empat", "- Satui", "- Kusan Hilir", "- Sungai Loban", "- Kusan Hulu"
    ]  # fmt: skip


def test_without_potentials_below_those_that_lost_most_are_named() -> None:
    """A district without a denominator has counts only."""
    lost = [("Satui", 300), ("Kusan Hilir", 120), ("Kusan Hulu", 0)]
    below = tuple(
        snapshot(f"63.10.0{n}", name, 900, None, flows={"30d": {"lapsed": Count(people, -people)}})
        for n, (name, people) in enumerate(lost, 1)
    )
    text = COMPOSER.compose(raised(below=below)).text
    assert "Kecamatan yang paling mengubahnya\n- Satui: −300 orang dalam 30 hari\n- Kusan Hilir: −120 orang" in text
    assert "Kusan Hulu" not in text


def test_changes_since_the_raise_are_told_by_payer() -> None:
    """The largest change comes first."""
    text = COMPOSER.compose(sample_message("threshold", Occasion.ESCALATED, "id")).text
    assert "menurut pembayar\n- APBD kabupaten/kota: −170 orang\n- Mandiri: −77 orang" in text


def test_a_recovery_says_how_long_it_lasted_and_asks_for_nothing() -> None:
    """There is no link to acknowledge and no next step."""
    text = COMPOSER.compose(sample_message("threshold", Occasion.RECOVERED, "en")).text
    assert "ended on 3 December 2026 14:02 WITA, after 12 days." in text
    assert "Nothing more needs to be done" in text
    assert "Acknowledge" not in text


def test_an_alert_that_was_closed_as_unknown_is_no_good_news() -> None:
    """It says that the figure is missing, and that this is no recovery."""
    unknown = replace(snapshot("63.10", "Tanah Bumbu", 5, None), potential={})
    facts = raised(newest=unknown, closed_as_unknown=True, ended_at=RAISED + timedelta(days=9))
    message = COMPOSER.compose(replace(facts, occasion=Occasion.RECOVERED))
    assert message.subject.startswith("Ditutup tanpa angka: ")
    assert "ditutup pada 30 November 2026 14.02 WITA, karena angkanya sudah tujuh hari tidak diketahui." in message.text
    assert "Pulih" not in message.text


def test_a_region_without_a_potential_has_counts_and_says_why_there_is_no_ratio() -> None:
    """Nothing is invented for it."""
    text = of(snapshot("63.10", "Tanah Bumbu", 2_300, None), "people").text
    assert "Peserta aktif: 2.300\n" in text
    assert "Belum ada data potensi" in text


@pytest.mark.parametrize(
    ("text", "name", "url"),
    [
        ("BPS Sakernas", "BPS Sakernas", None),
        ("BPS Sakernas https://bps.go.id/a?b=1", "BPS Sakernas", "https://bps.go.id/a?b=1"),
        ("BPS (https://bps.go.id/a).", "BPS", "https://bps.go.id/a"),
        ("https://www.waspadaaceh.com/long/address", "waspadaaceh.com", "https://www.waspadaaceh.com/long/address"),
        ("http://[::1/x", "[::1", "http://[::1/x"),
        ("javascript:alert(1)", "javascript:alert(1)", None),
    ],
)
def test_a_source_has_a_name_and_perhaps_an_address(text: str, name: str, url: str | None) -> None:
    """A bare address is named by its host; only web addresses are links."""
    assert source_of(text) == (name, url)


def test_the_source_is_named_in_the_sentence_and_its_address_is_a_link() -> None:
    """In HTML the name is the link; the text has the address on a line of its own."""
    message = COMPOSER.compose(raised())
    assert 'Sumber: <a href="https://www.bps.go.id/' in message.html
    assert ">BPS Sakernas</a>" in message.html
    assert "Sumber: BPS Sakernas\n" in message.text


def test_a_digest_is_one_message_with_a_row_an_alert() -> None:
    """Each row has its figure and links; the thread is the delivery's."""
    message = COMPOSER.compose(sample_digest("id"))
    rows = [line for line in message.text.splitlines() if line.startswith("- ")]
    assert [row.split(",")[0] for row in rows] == [
        f"- Kecamatan {name}" for name in ("Simpang Empat", "Satui", "Kusan Hilir", "Sungai Loban", "Kusan Hulu")
    ]
    assert message.html.count("/tanggapi/") == 5
    assert (message.thread, message.is_digest) == ("d-2", True)


def test_a_message_of_one_alert_is_threaded_by_the_alert() -> None:
    """A recovery answers its raise; the date is in the zone of the official's region."""
    message = COMPOSER.compose(raised())
    assert (message.thread, message.is_digest) == (raised().alerts[0].id, False)
    assert message.written_at.isoformat() == "2026-11-21T14:02:00+08:00"


def test_a_chat_gets_no_picture() -> None:
    """Nobody would see it."""
    assert COMPOSER.compose(replace(raised(), channel="chat")).pictures == ()


def test_the_picture_says_in_words_what_it_shows() -> None:
    """Its alternative has each bar and each mark; 720 pixels are sharp on a phone."""
    (picture,) = COMPOSER.compose(raised()).pictures
    assert picture.alt.startswith("Diagram batang. Kabupaten Tanah Bumbu: 35,44%; Simpang Empat: 35,89%;")
    assert picture.alt.endswith("batas 40%. target 45%.")
    image = Image.open(BytesIO(picture.png))
    assert (image.width, image.mode) == (720, "P")
    assert len(picture.png) < 12_000


def test_bars_begin_at_0_and_share_a_scale_with_the_marks() -> None:
    """The highest value fills the width: a bar of half of it ends in the middle."""
    png = bar_chart_png(Chart((Bar("a", 50, "50"), Bar("b", 0, "0")), (Mark(100, "level"),)))
    image = Image.open(BytesIO(png)).convert("RGB")
    ends = [max(x for x in range(720) if image.getpixel((x, y)) == (0x5C, 0x78, 0x99)) for y in (100, 180)]
    assert ends == [16 + 344 - 1, 17]


def test_links_of_a_short_form_are_never_cut() -> None:
    """One that does not fit is left out; the first line always has 200 characters."""
    long, fits = Link("a", "https://a.id/" + "x" * 500), Link("b", "https://a.id/" + "y" * 380)
    short = fitted(["z" * 700, "second"], [long, fits])
    assert len(short) == 600
    assert short.splitlines() == ["z" * 202 + "…", f"b: {fits.url}"]


@pytest.mark.parametrize(
    ("write", "id_", "en"),
    [
        (lambda w: w.number(1_710_891), "1.710.891", "1,710,891"),
        (lambda w: w.persons(-1, signed=True), "−1 orang", "−1 person"),
        (lambda w: w.ratio((651_652, 1_710_891)), "38,09%", "38.09%"),
        (lambda w: w.ratio((5, 40_000)), "0,01%", "0.01%"),
        (lambda w: w.ratio((25_721, 20_390)), "126,15%", "126.15%"),
        (lambda w: w.level(Fraction("0.4354")), "43,54%", "43.54%"),
        (lambda w: w.level(0.995), "99,5%", "99.5%"),
        (lambda w: w.instant("11", RAISED), "21 November 2026 13.02 WIB", "21 November 2026 13:02 WIB"),
        (lambda w: w.instant("91", RAISED), "21 November 2026 15.02 WIT", "21 November 2026 15:02 WIT"),
        (lambda w: w.instant("ID", RAISED), "21 November 2026 13.02 WIB", "21 November 2026 13:02 WIB"),
        (lambda w: w.duration(timedelta(days=1, hours=2, minutes=3)), "1 hari 2 jam", "1 day 2 hours"),
        (lambda w: w.duration(0), "0 detik", "0 seconds"),
        (lambda w: w.list(["A", "sekda", "C"]), "A, Sekda, dan C", "A, Regency Secretary and C"),
        (lambda w: w.place("35.01.10.2017", "Ketro Harjo"), "Desa Ketro Harjo, Kec. Tulakan, Kab. Pacitan",
         "Desa Ketro Harjo, Kec. Tulakan, Kab. Pacitan"),
        (lambda w: w.place("99.99.99.1001", "X"), "Kelurahan X", "Kelurahan X"),
        (lambda w: w.name("A\r\nBcc: b\u202e"), "A Bcc: b", "A Bcc: b"),
    ],
)  # fmt: skip
def test_values_in_both_languages(write: Callable[[Words], str], id_: str, en: str) -> None:
    """Numbers, ratios half-even to two decimals, times with their zone, names on one line."""
    assert (write(Words("id")), write(Words("en"))) == (id_, en)


@pytest.mark.parametrize(
    ("template", "content", "said"),
    [
        ("id/words.txt", "{% macro unknown() %}", "template id/words.txt, line 1: Unexpected end of template"),
        ("mail.html", "{{ page.nothing }}", "template mail.html: .*has no attribute 'nothing'"),
        ("mail.txt", "{{ page.greeting.__class__ }}", "template mail.txt: .*unsafe"),
        ("mail.txt", "{{ nobody }}", "template mail.txt: 'nobody' is undefined"),
        ("en/words.txt", "{% macro greeting(name) %}x{% endmacro %}", "templates of en: the macro .* is missing"),
    ],
)
def test_a_wrong_template_is_found_when_it_is_loaded(tmp_path: Path, template: str, content: str, said: str) -> None:
    """Before any alert is raised; the error names the template."""
    (tmp_path / template).parent.mkdir(exist_ok=True)
    (tmp_path / template).write_text(content)
    with pytest.raises(BrokenTemplateError, match=said):
        Composer(tmp_path)


def test_a_template_of_an_operator_takes_the_place_of_ours(tmp_path: Path) -> None:
    """All others stay ours."""
    (tmp_path / "mail.txt").write_text("{{ page.lead[0] }} Dinas Tenaga Kerja")
    message = Composer(tmp_path).compose(raised())
    assert message.text.endswith("kurang 6.198 orang. Dinas Tenaga Kerja")
    assert message.html == COMPOSER.compose(raised()).html


def test_loading_tries_every_macro_of_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So no template is tried for the first time on a real alert."""
    used, ask = set[tuple[str, str]](), Phrases.__getattr__

    def noted(self: Phrases, macro: str) -> Callable[..., str]:
        if not macro.startswith("_"):
            used.add((self.words.language, macro))
        return ask(self, macro)

    monkeypatch.setattr(Phrases, "__getattr__", noted)
    composer = Composer()
    for facts in sample_facts():
        composer.compose(facts)
    macros = {(lang, name) for lang, phrases in composer._templates.phrases.items() for name in phrases._macros}
    inner = {"gap", "quota", "late", "payers", "roster", "level"}
    assert {each for each in macros - used if each[1] not in inner} == set()


def test_a_rule_above_its_level_says_how_many_are_over_it() -> None:
    """A milestone that was reached is told as such."""
    kind = rules.Threshold(Lines(Direction.ABOVE, Fraction("0.35"), Fraction("0.34")), "active", "workers")
    rule = replace(raised().alerts[0].rule, kind=kind)
    text = COMPOSER.compose(raised(rule=rule)).text
    assert "mencapai 35%: 48.210 dari 136.020 potensi pekerja (35,44%), 603 orang di atas batas." in text
    assert "Peringatan pulih di bawah 34%: 1.964 orang lagi" in text


def test_names_of_officials_and_regions_are_escaped() -> None:
    """HTML shows what it was given; the subject is one line."""
    region = snapshot("63.10", "<script>\r\nBcc: a@b", 48_210, 136_020)
    facts = replace(raised(raised_by=region, newest=region), official=replace(official("id"), name="<i>A & B</i>"))
    message = COMPOSER.compose(facts)
    assert "&lt;script&gt; Bcc: a@b" in message.html
    assert "Yth. &lt;i&gt;A &amp; B&lt;/i&gt;," in message.html
    assert message.subject.startswith("Peringatan: <script> Bcc: a@b: ")
