"""JSON logs, one object a line, each with its trace id. No personal value and no request body may be logged.

Errors and logs of libraries might quote one. So of a foreign error only type and place are written, and everything
that looks like an identity number is masked in every text.
"""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType
from typing import Any, Final

import structlog
from opentelemetry import trace

from shared.runtime.masking import masked

_OUR_ERRORS: Final = frozenset({"TransientError", "PermanentError", "FencedError"})
"""We write their messages, for operators, without personal values."""
_NOT_TEXT: Final = frozenset({"trace_id", "span_id"})
"""Random hexadecimal digits, which may look like an identity number."""

ErrorInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def _add_trace(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def _frames(exc_info: ErrorInfo) -> list[dict[str, Any]]:
    """Return the error and its causes: types, frames without local variables, and messages of our own errors only."""
    made = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)(exc_info)
    return [_without_message(dict(stack)) for stack in made]


def _without_message(stack: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {name: stack[name] for name in ("exc_type", "is_cause", "frames") if name in stack}
    if stack["exc_type"] in _OUR_ERRORS:
        kept["exc_value"] = stack["exc_value"]
    if stack.get("exceptions"):
        kept["exceptions"] = [[_without_message(inner) for inner in one] for one in stack["exceptions"]]
    return kept


def _mask(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Mask what looks like an identity number. Drop all but asyncio's first line: the rest quotes the error."""
    if event.get("logger") == "asyncio":
        event["message"] = str(event["message"]).partition("\n")[0]
    for name, value in event.items():
        if isinstance(value, str) and name not in _NOT_TEXT:
            event[name] = masked(value)
    return event


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Log an error that nobody caught. Python would print its message, which may quote a value."""
    logger("uncaught").critical("an error of ours ends the process", exc_info=(kind, error, traceback))


def configure(service: str, level: str) -> None:
    """Write all logs of this process, and errors that nobody catches, to standard output as JSON lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _add_trace,
        structlog.processors.EventRenamer("message"),
    ]
    render = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.ExceptionRenderer(_frames),
            _mask,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(render)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # One line a request would hide what matters; metrics count requests.
    for noisy in ("uvicorn.access", "aiokafka", "httpx", "faststream"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda caught: _log_uncaught(
        caught.exc_type, caught.exc_value or caught.exc_type(), caught.exc_traceback
    )


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound
