"""Preparing without serving: what a job of a deployment sees."""

from __future__ import annotations

import pytest
import typer
from fastapi import FastAPI

from shared.adapters.kafka_admin import _as_asked
from shared.adapters.serve import prepare_api
from shared.adapters.settings import CommonSettings
from shared.contracts import topics
from shared.runtime.errors import TransientError


def test_a_database_that_does_not_answer_ends_the_command_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    """The job is then tried again; the log has one line with the reason."""

    async def prepare() -> None:
        raise TransientError("MongoDB does not answer")

    api = FastAPI()
    api.state.prepare = prepare
    with pytest.raises(typer.Exit) as ended:
        prepare_api("registry", lambda: api, CommonSettings())
    assert ended.value.exit_code == 1
    assert "MongoDB does not answer" in capsys.readouterr().out


@pytest.mark.parametrize(("copies", "before_written"), [(1, "1"), (2, "1"), (3, "2")])
def test_a_topic_is_asked_for_with_as_many_copies_as_there_are_brokers(copies: int, before_written: str) -> None:
    """One broker may be lost: all copies but one must have a record."""
    asked = _as_asked(topics.CHANGES, copies)
    assert (asked.replication_factor, asked.topic_configs["min.insync.replicas"]) == (copies, before_written)
    assert asked.topic_configs["retention.ms"] == "-1"
