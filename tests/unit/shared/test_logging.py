"""What log lines contain, and what they never contain."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import re
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime import logging as json_logging
from shared.runtime import tracing
from shared.runtime.errors import PermanentError
from shared.runtime.masking import masked
from tests.output import Output

NIK = "1101014101900001"
PASSPORT = "A1234567"


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> Output:
    """Captures what is written while it is entered."""
    return Output(capsys)


def broken(value: str) -> None:
    """Fail with an error that quotes the value, as Python's own functions do."""
    int(f"{value}?")


def test_logs_are_json_with_the_trace_they_belong_to(output: Output) -> None:
    """Trace ids are not masked, even if they consist of digits."""
    with output:
        tracing.configure("registry")
        with tracing.span("x", ["00-12345678901234567890123456789012-b7ad6b7169203331-01"]):
            json_logging.logger("t").info("it happened")
        (line,) = output.lines()
        assert (line["message"], line["service"], line["level"]) == ("it happened", "registry", "info")
        assert line["trace_id"] == "12345678901234567890123456789012"


@pytest.mark.parametrize("value", [NIK, PASSPORT, "123456789"])
def test_an_error_is_logged_by_type_and_place_without_its_text(output: Output, value: str) -> None:
    """Also for causes and for members of a group; local variables are not logged."""
    with output:
        try:
            try:
                broken(value)
            except ValueError as cause:
                raise ExceptionGroup("several", [KeyError(value)]) from cause
        except ExceptionGroup:
            json_logging.logger("t").exception("it failed")
        (line,) = output.lines()
        text = json.dumps(line)
        assert value not in text
        assert all(word in text for word in ("ExceptionGroup", "KeyError", "ValueError", "broken", "test_logging.py"))


def test_our_own_errors_keep_their_words(output: Output) -> None:
    """We write them for operators."""
    with output:
        try:
            raise PermanentError("give the replica the whole file")
        except PermanentError:
            json_logging.logger("t").exception("it failed")
        assert output.lines()[0]["exception"][0]["exc_value"] == "give the replica the whole file"


def test_a_library_that_quotes_a_number_is_masked(output: Output) -> None:
    """In its message and in its extra fields."""
    with output:
        logging.getLogger("library").warning("cannot read %s of %s", NIK, PASSPORT)
        json_logging.logger("t").info("it happened", detail=f"saw {NIK}", count=3)
        first, second = output.lines()
        assert first["message"] == "cannot read [digits] of [number]"
        assert (second["detail"], second["count"]) == ("saw [digits]", 3)


@pytest.mark.parametrize("value", [NIK, PASSPORT, "123456789"])
async def test_a_task_that_nobody_awaited_is_logged_without_its_error(output: Output, value: str) -> None:
    """asyncio itself would quote the error."""
    with output:

        async def lost() -> None:
            broken(value)

        task = asyncio.create_task(lost())
        await asyncio.wait([task])
        del task
        gc.collect()
        (line,) = [line for line in output.lines() if line["logger"] == "asyncio"]
        assert value not in json.dumps(line)
        assert line["message"] == "Task exception was never retrieved"


@pytest.mark.parametrize("value", [NIK, PASSPORT, "123456789"])
def test_an_uncaught_error_is_logged_not_printed(output: Output, value: str) -> None:
    """In the main thread and in another; Python would print the error's text."""
    with output:
        try:
            broken(value)
        except ValueError as error:
            sys.excepthook(ValueError, error, error.__traceback__)
        thread = threading.Thread(target=broken, args=(value,))
        thread.start()
        thread.join()
        lines = output.lines()
        assert [line["exception"][0]["exc_type"] for line in lines] == ["ValueError", "ValueError"]
        assert value not in json.dumps(lines)


@given(
    st.text(max_size=20),
    st.lists(
        st.tuples(st.sampled_from("0123456789"), st.text(" .-/_:,\u00a0\u2011", max_size=3)), min_size=11, max_size=20
    ),
    st.text(max_size=20),
)
def test_no_long_number_stays_in_a_masked_text(head: str, digits: list[tuple[str, str]], tail: str) -> None:
    """Whatever surrounds it, and whatever stands between its digits."""
    number = "".join(digit + between for digit, between in digits)
    text = masked(f"{head}{number}{tail}")
    assert number not in text
    assert len(re.sub(r"\D", "", text.removeprefix(head).removesuffix(tail))) < 11


@pytest.mark.parametrize("value", ["1101 0141 0190 0001", "11.01.01.410190.0001", "1101-0141-0190-0001", NIK, PASSPORT])
def test_no_text_of_a_log_line_holds_a_number_whatever_it_is_in(output: Output, value: str) -> None:
    """In a list, as a name, deep inside, and in a message of our own errors."""
    with output:
        try:
            raise PermanentError(f"cannot take {value}")
        except PermanentError:
            json_logging.logger("t").exception("it failed", codes={value: [value]}, detail=f"10.0.0.1:9092 {value}")
        (line,) = output.lines()
        assert re.sub(r"\W", "", value) not in re.sub(r"\W", "", json.dumps(line))
        assert line["detail"].startswith("10.0.0.1:9092 [")


@pytest.mark.parametrize(
    "text",
    [
        "63.10.03.2004",
        "2026-09-30T08:00:00+07:00",
        "f-000123",
        "bpjs/aceh",
        "6310032004",
        "10.244.103.117:9092",
        "2026-09-30 08:00:00.123456+07:00",
        "owns 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",
    ],
)
def test_codes_dates_and_addresses_are_left_as_they_are(text: str) -> None:
    """Operators need them."""
    assert json_logging._masked(text) == text
