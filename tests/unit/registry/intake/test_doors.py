"""All doors take and refuse the same facts for the same reasons, and none gives a sender's value away."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings

from shared.runtime.errors import PermanentError
from tests.drawn_facts import events
from tests.fact_doors import CSV, NDJSON, STRUCTURED_HTTP, Event, FactDoors, Verdict, as_column, csv_of, ndjson
from tests.factories_registry import NIK, event
from tests.records import binary

T = TypeVar("T")
Run = Callable[[Awaitable[T]], T]
DOORS = list(FactDoors().doors)
BOM = b"\xef\xbb\xbf"
ACCEPTED = Verdict("accepted")


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One loop for all examples."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(scope="module")
def doors(loop: asyncio.AbstractEventLoop) -> Iterator[FactDoors]:
    """All doors, over a group commit that runs."""
    doors = FactDoors()
    commits = loop.create_task(doors.intake.run())
    yield doors
    commits.cancel()
    loop.run_until_complete(asyncio.gather(commits, return_exceptions=True))


@settings(max_examples=60)
@given(sent=events())
def test_every_door_gives_the_same_outcome_and_first_refusal(
    doors: FactDoors, loop: asyncio.AbstractEventLoop, sent: list[Event]
) -> None:
    """For each fact, good or bad, at every door that can carry it."""
    sent = list(
        {fact.get("id") if isinstance(fact.get("id"), str) else n: fact for n, fact in enumerate(sent)}.values()
    )
    expected = loop.run_until_complete(doors.verdicts(DOORS[0], sent))
    for door in DOORS[1:]:
        found = loop.run_until_complete(doors.verdicts(door, sent))
        wanted = {place: as_column(expected[place]) if door == "command, CSV" else expected[place] for place in found}
        assert found == wanted, door


def test_the_law_is_tried_at_every_door(doors: FactDoors, loop: asyncio.AbstractEventLoop) -> None:
    """Each carries a sound fact and one of an unknown segment."""
    sent = [event(id="a"), event(id="b", data={"segment": "PNS"})]
    for door in DOORS:
        accepted, refused = loop.run_until_complete(doors.verdicts(door, sent)).values()
        assert accepted == ACCEPTED
        assert (refused.outcome, refused.code) == ("refused", "unknown_segment")


def test_a_large_bulk_is_decided_and_answered_in_its_order(doors: FactDoors, loop: asyncio.AbstractEventLoop) -> None:
    """Several groups of it are under way at once: of equal facts the first is accepted, whichever group it is in."""
    sent = [event(id=f"l-{number}", data={"identity": {"scheme": "passport", "value": f"B{number:07d}"}})
            for number in range(3500)]  # fmt: skip
    sent[1500], sent[3400] = sent[10], event(id="l-20", data={"region": "11.01"})
    told = loop.run_until_complete(doors.bulk(ndjson(sent), NDJSON))
    assert list(told) == list(range(1, 3501))
    assert {line: one.outcome for line, one in told.items() if one != ACCEPTED} == {1501: "duplicate", 3401: "conflict"}


PERSONAL = [
    "9876 5415 0890 1087",
    "9876.5415.0890.1087",
    "9876541508901087",
    "A1234567",
    "Siti binti Tarudin",
    "+62 812-3456-7890",
]


@pytest.mark.parametrize("value", PERSONAL)
def test_no_value_of_a_sender_is_told_back(
    doors: FactDoors, loop: asyncio.AbstractEventLoop, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    """Whatever a shifted column or a wrong program put into a field or its name: no answer, topic or log has it."""
    spoilt: list[Event] = [
        {"data": {name: value}} for name in ("region", "segment", "payer", "paid_through", "identity", value)
    ]
    spoilt += [{"data": {name: [value]}} for name in ("groups", "programmes", "region")]
    spoilt += [{name: value} for name in ("time", "type", "specversion")]
    name = "".join(filter(str.isalnum, value.lower()))
    spoilt += [{"type": f"cakupan.{value}.v1"}, {value: "x"}, {name: 1.5}, {"subject": {value: 1}}]
    spoilt += [{"data": {"identity": {"scheme": value, "value": value}}}, {"data": {"identity": {value: value}}}]
    spoilt += [{"data": {"identity": {"scheme": "nik", "value": value[:-1]}}}]
    replaced: list[Any] = [{"data": {"region": value}}, {"data": {value: 1}}, {value: 1}, {"time": value}, value]
    corrections = [{"corrects": "f-0", "type": "relocated", "replacement": one} for one in replaced]
    corrections += [{"corrects": "f-0", "type": of, "void": void} for of, void in ((value, True), ("ended", value))]
    sent = [event(id=f"p-{number}", **over) for number, over in enumerate(spoilt)]
    sent += [event(id=f"c-{n}", type="cakupan.corrected.v1") | {"data": data} for n, data in enumerate(corrections)]
    doors.said = ""
    for door in DOORS:
        verdicts = loop.run_until_complete(doors.verdicts(door, sent))
        assert [verdict.outcome for verdict in verdicts.values()].count("refused") >= len(verdicts) - 1
    for text in (doors.said, "".join(capsys.readouterr())):
        assert value[:-1] not in text
        assert name[:-1] not in text


def ce(fact: Event, **over: str) -> dict[str, str]:
    """Return the headers of a binary event."""
    named = {f"ce-{name}": value for name, value in fact.items() if isinstance(value, str)}
    return named | {f"ce-{name}": value for name, value in over.items()} | {"content-type": "application/json"}


def test_the_content_type_decides_over_http(doors: FactDoors, loop: asyncio.AbstractEventLoop) -> None:
    """A structured event is taken though attributes stand in headers too."""
    fact = event(id="h-1")
    headers = ce(fact, id="other") | {"content-type": f"{STRUCTURED_HTTP}; charset=utf-8"}
    assert loop.run_until_complete(doors.one(json.dumps(fact).encode(), headers)) == ACCEPTED
    assert '"id":"h-1"' in doors.said


@pytest.mark.parametrize(
    ("header", "id_"),
    [
        ('"t3c"', "t3c"),
        (r'"a\"b"', 'a"b'),
        ("caf%C3%A9", "café"),
        ("Euro%20%E2%82%AC", "Euro €"),
        ('"%41"', "A"),
        ('"', '"'),
    ],
)
def test_headers_are_read_as_the_binding_says(
    doors: FactDoors, loop: asyncio.AbstractEventLoop, header: str, id_: str
) -> None:
    """Quoted strings, then percent-encoding."""
    fact = event()
    answer = loop.run_until_complete(doors.post("/v1/facts", json.dumps(fact["data"]).encode(), ce(fact, id=header)))
    assert answer.json()["id"] == id_


@pytest.mark.parametrize("name", ["id", "source", "time"])
def test_a_header_that_is_no_utf8_is_refused_by_name(
    doors: FactDoors, loop: asyncio.AbstractEventLoop, name: str
) -> None:
    """Over HTTP and on Kafka; two ids must not become one."""
    fact = event()
    body = json.dumps(fact["data"]).encode()
    refused = Verdict("refused", "malformed_field", name)
    assert loop.run_until_complete(doors.one(body, ce(fact, **{name: "t3-%E9"}))) == refused
    assert f"ce-{name}" in doors.said
    value, headers = binary(fact)
    assert loop.run_until_complete(doors.kafka([(value, [*headers, (f"ce_{name}", b"t3-\xe9")])])) == [refused]


def test_a_byte_order_mark_is_taken_at_every_door(doors: FactDoors, loop: asyncio.AbstractEventLoop) -> None:
    """Before one fact, before many, on Kafka."""
    run: Run[Any] = loop.run_until_complete
    fact = BOM + json.dumps(event(id="bom")).encode()
    assert run(doors.one(fact, {"content-type": STRUCTURED_HTTP})).code is None
    assert run(doors.kafka([(fact, [])])) == [ACCEPTED]
    for media_type, name, content in ((NDJSON, "a.ndjson", ndjson([event()])), (CSV, "a.csv", csv_of([event()])[0])):
        (verdict,) = run(doors.bulk(BOM + content, media_type)).values()
        assert verdict.code is None
        assert run(doors.command(name, BOM + content))[1] == {}


HEADER = "id, source ,type,time,scheme,identity,region,segment,,"
ROW = f" {{}} ,bpjs/aceh, enrolled ,2026-09-30,nik,{NIK},11.01.02.2003,BPU,,"
BAD_ROW = ROW.replace("BPU", '"P\nNS"')


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_is_the_physical_one_and_blanks_say_nothing(
    doors: FactDoors, loop: asyncio.AbstractEventLoop, end: str
) -> None:
    """Blank rows, blanks around names and values, empty columns, quoted line ends: the same lines at both doors."""
    run: Run[Any] = loop.run_until_complete
    rows = [
        HEADER,
        ",,,,,",
        "",
        ROW.format("l-1"),
        BAD_ROW.format("l-2"),
        " ",
        ROW.format("l-3"),
        BAD_ROW.format("l-4"),
    ]
    content = end.join(rows).replace("P\nNS", f"P{end}NS").encode()
    refused = Verdict("refused", "unknown_segment", "data.segment")
    told = run(doors.bulk(content, CSV))
    assert list(told) == [4, 5, 8, 9]
    assert (told[5], told[9]) == (refused, refused)
    outcomes, found = run(doors.command("a.csv", content))
    assert found == {line: as_column(refused) for line in (5, 9)}
    assert sum(outcomes.values()) == 4
    lines = end.join(["", json.dumps(event(id="l-5")), " ", "{", json.dumps(event(id="l-6"))]).encode()
    assert list(run(doors.bulk(lines, NDJSON))) == [2, 4, 5]
    assert list(run(doors.command("a.ndjson", lines))[1]) == [4]


def test_a_field_beyond_what_a_row_may_hold_costs_its_row(doors: FactDoors, loop: asyncio.AbstractEventLoop) -> None:
    """Also where a row is small enough and its fact is not."""
    run: Run[Any] = loop.run_until_complete
    rows = ["id,source,type,reason", "r-1,s,ended," + "x" * 140_000, "r-2,s,ended," + "\x01" * 20_000, "r-3,s,ended,x"]
    content = "\n".join(rows).encode()
    too_large = Verdict("refused", "too_large")
    for found in (run(doors.bulk(content, CSV)), run(doors.command("a.csv", content))[1]):
        assert (found[2], found[3], found[4].code) == (too_large, too_large, "missing_field")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"id,source\n", "no row follows"),
        (b"PK\x03\x04x", "XLSX"),
        (b"id\tsource\na\tb\n", "tabs"),
        (b"sep=,\nid\na\n", "delete it"),
        (b"ID,source\na,b\n", "small letters"),
    ],
)
def test_a_wrong_file_is_named_at_both_doors(
    doors: FactDoors, loop: asyncio.AbstractEventLoop, content: bytes, says: str
) -> None:
    """With what to do; nothing of it is taken."""
    run: Run[Any] = loop.run_until_complete
    answer = run(doors.post("/v1/facts/bulk", content, {"content-type": CSV}))
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed_csv")
    with pytest.raises(PermanentError, match=says) as caught:
        run(doors.command("a.csv", content))
    assert answer.json()["detail"] in str(caught.value)


@pytest.mark.parametrize(("content", "says"), [(b"", "no fact"), (b"\n\n", "no fact"), (b"PK\x03\x04x", "XLSX")])
def test_lines_of_no_fact_are_refused_at_both_doors(
    doors: FactDoors, loop: asyncio.AbstractEventLoop, content: bytes, says: str
) -> None:
    """As a file of CSV is."""
    run: Run[Any] = loop.run_until_complete
    answer = run(doors.post("/v1/facts/bulk", content, {"content-type": NDJSON}))
    assert (answer.status_code, answer.json()["code"], says in answer.json()["detail"]) == (422, "malformed_json", True)
    with pytest.raises(PermanentError, match=says):
        run(doors.command("a.ndjson", content))


def test_gzip_is_read_by_the_command_and_named_by_the_bulk_route(
    doors: FactDoors, loop: asyncio.AbstractEventLoop
) -> None:
    """The route's own way to send it packed is a header."""
    run: Run[Any] = loop.run_until_complete
    for name, media_type, content in (("a.csv", CSV, csv_of([event()])[0]), ("a.ndjson", NDJSON, ndjson([event()]))):
        assert run(doors.command(name, gzip.compress(content)))[1] == {}
        answer = run(doors.post("/v1/facts/bulk", gzip.compress(content), {"content-type": media_type}))
        assert (answer.status_code, "Content-Encoding" in answer.json()["detail"]) == (422, True)
        with pytest.raises(PermanentError, match=r"empty|no fact"):
            run(doors.command(name, gzip.compress(b"")))


def test_a_broken_line_that_looks_like_another_format_is_one_refused_line(
    doors: FactDoors, loop: asyncio.AbstractEventLoop
) -> None:
    """Also where it comes first in a request of the command."""
    lines = b"\n".join([b"", b"%PDF", ndjson([event()])])
    assert loop.run_until_complete(doors.bulk(lines, NDJSON))[2].code == "malformed_json"
    outcomes, refused = loop.run_until_complete(doors.command("a.ndjson", lines))
    assert (sum(outcomes.values()), [told.code for told in refused.values()]) == (2, ["malformed_json"])


@pytest.mark.parametrize("line", ["\n", ",,,\n", "{}\n"])
def test_more_lines_than_may_be_are_not_read(doors: FactDoors, loop: asyncio.AbstractEventLoop, line: str) -> None:
    """Millions of blank lines pack into a small body; reading stops at the bound."""
    media_type, head = (CSV, "id,source,type,time\n") if line == ",,,\n" else (NDJSON, "")
    answer = loop.run_until_complete(
        doors.post("/v1/facts/bulk", (head + line * 1_000_000).encode(), {"content-type": media_type})
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def people(serials: list[int], last: int = 0) -> list[Event]:
    """Return one enrolment for each serial; its NIK ends in `last`."""
    niks = [f"{NIK[:12]}{serial:03d}{last}" for serial in serials]
    return [event(id=f"n-{n}", data={"identity": {"scheme": "nik", "value": nik}}) for n, nik in enumerate(niks)]


@pytest.mark.parametrize(
    ("sent", "warns"),
    [
        (people([0, 0, 1, 1, 2]), True),
        (people([0, 1, 2, 3]), False),
        (people([0, 0, 1, 1], last=1), False),
        (people([0, 0, 0]), False),
    ],
)
def test_niks_of_which_fifteen_digits_were_kept_are_warned_of(
    doors: FactDoors, loop: asyncio.AbstractEventLoop, sent: list[Event], warns: bool
) -> None:
    """Most end in 0 and some are alike. One person's own facts are no reason."""
    answer = loop.run_until_complete(doors.post("/v1/facts/bulk", csv_of(sent)[0], {"content-type": CSV})).json()
    assert [one["code"] for one in answer["warnings"]] == ["rounded_identities"] * warns
    assert NIK[:12] not in json.dumps(answer)


WRITTEN = ["{}{}{}{}", "{} {} {} {}", "{}.{}.{}.{}", "{}-{}-{}-{}", "nik:{}/{}/{}/{}", "{}\u00a0{}\u2011{}_{}"]
QUARTERS = (NIK[:4], NIK[4:8], NIK[8:12], NIK[12:])


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("name", ["id", "source"])
def test_a_number_in_the_name_of_a_refused_fact_leaves_no_door(
    doors: FactDoors, loop: asyncio.AbstractEventLoop, written: str, name: str
) -> None:
    """As in a file whose columns were shifted: with blanks, dots or dashes. The command may quote its own file."""
    mark = written.format(*QUARTERS)
    spoilt = event(data={"region": "99"}) | {name: mark}
    for door in DOORS:
        if not door.startswith("command"):
            doors.said = ""
            verdicts = loop.run_until_complete(doors.verdicts(door, [spoilt]))
            assert "accepted" not in {verdict.outcome for verdict in verdicts.values()}
            assert NIK not in "".join(filter(str.isdigit, doors.said)), door


@pytest.mark.parametrize("written", WRITTEN)
def test_a_source_with_a_number_in_it_is_refused(
    doors: FactDoors, loop: asyncio.AbstractEventLoop, written: str
) -> None:
    """It would be published with every change."""
    sent = event(source=f"dinas/{written.format(*QUARTERS)}")
    verdict = loop.run_until_complete(doors.verdicts(DOORS[0], [sent]))[0]
    assert (verdict.code, verdict.field) == ("malformed_field", "source")
