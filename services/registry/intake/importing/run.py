"""Imports a file: several chunks are in flight, and what becomes of them is written down in the order of the file."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

from services.registry.domain.errors import Refusal, RefusalCode
from services.registry.intake import fact_files
from services.registry.intake.importing.chunks import Chunk, FactFile, Format
from services.registry.intake.importing.client import Answer, BulkClient
from services.registry.intake.importing.journal import Journal, RefusedLine
from shared.adapters.progress_bar import ProgressBar

IN_FLIGHT: Final = 4
"""Chunks: three that are being committed and the next; more would only queue before other senders' facts."""
TAKEN: Final = frozenset({"accepted", "duplicate"})


async def import_facts(file: FactFile, client: BulkClient, journal: Journal, progress: ProgressBar) -> Counter[str]:
    """Return how many rows had each outcome, in this run and the interrupted ones before it, once all are decided.

    For each chunk: 1. The registry takes its facts. 2. Once all chunks before it are written down, so is this one.
    A kill between the two leaves facts that are stored and not written down. They are sent again and are duplicates.
    Raises: PermanentError, TransientError; the same command then goes on.
    """
    skipped = journal.rows
    chunks = file.chunks(skipped)
    size = file.size
    progress.begin("rows")
    in_flight: deque[tuple[Chunk, asyncio.Task[list[Answer]]]] = deque()
    try:
        # In a thread: standard input may be slow, and answers come meanwhile.
        while chunk := await asyncio.to_thread(next, chunks, None):
            if len(in_flight) == IN_FLIGHT:
                await _write_down(*in_flight.popleft(), file.format, client, journal, progress)
            in_flight.append((chunk, asyncio.create_task(client.send(chunk.facts))))
            read = journal.rows - skipped + sum(len(waiting.rows) for waiting, _ in in_flight)
            if size and chunk.bytes_read:
                progress.expect(max(read, round((skipped + read) * size / chunk.bytes_read) - skipped))
        while in_flight:
            await _write_down(*in_flight.popleft(), file.format, client, journal, progress)
    finally:
        for _, task in in_flight:
            task.cancel()
        await asyncio.gather(*(task for _, task in in_flight), return_exceptions=True)
    journal.finish()
    return journal.outcomes


async def _write_down(
    chunk: Chunk, task: asyncio.Task[list[Answer]], format_: Format, client: BulkClient, journal: Journal,
    progress: ProgressBar,
) -> None:  # fmt: skip
    """Write down a chunk, all chunks before which are decided."""
    answers = iter(await _cards_again(chunk.facts, await task, client))
    outcomes: Counter[str] = Counter()
    refused: list[RefusedLine] = []
    for row in chunk.rows:
        no = row.content
        answer = (
            Answer("refused", None, None, no.code, no.field, no.detail) if isinstance(no, Refusal) else next(answers)
        )
        outcomes[answer.outcome] += 1
        if answer.outcome not in TAKEN:
            refused.append(_refused_line(row.line, answer, format_))
    journal.record(len(chunk.rows), outcomes, refused)
    progress.advance(len(chunk.rows))


async def _cards_again(facts: Sequence[bytes], answers: list[Answer], client: BulkClient) -> list[Answer]:
    """Send again the facts whose card was unknown, and return the answers with theirs in place.

    The fact that links the card may have been in a chunk before, which was in flight at the same time.
    """
    places = [place for place, answer in enumerate(answers) if answer.code == RefusalCode.UNKNOWN_CARD]
    again = await client.send([facts[place] for place in places])
    for place, answer in zip(places, again, strict=True):
        answers[place] = answer
    return answers


def _refused_line(line: int, answer: Answer, format_: Format) -> RefusedLine:
    column = fact_files.column_of(answer.field) if format_ is Format.CSV else answer.field
    return RefusedLine(line, answer.source, answer.id, column, answer.code or answer.outcome, answer.detail)
