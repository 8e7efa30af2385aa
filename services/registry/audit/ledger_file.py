"""A file that holds a line for each change of the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from shared.runtime.errors import PermanentError


async def write_lines(file: Path, lines: AsyncIterator[str]) -> int:
    """Return how many lines the file now has; it is there only when it is complete. Raises: PermanentError."""
    part, count = file.with_name(f"{file.name}.part"), 0
    try:
        with part.open("w", encoding="utf-8") as out:
            async for line in lines:
                out.write(line + "\n")
                count += 1
        part.replace(file)
    except OSError as error:
        raise PermanentError(f"{file} cannot be written: {error.strerror}; name another place") from error
    finally:
        part.unlink(missing_ok=True)
    return count
