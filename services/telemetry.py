"""Logs: JSON lines on stderr, without secrets, e-mail addresses or local variables.

Of an exception there are the types and the lines of code it came through. What it says itself is
shown of our own, and of PostgreSQL's in short: other texts may quote what somebody sent or stored.

Every line has `timestamp`, `level`, `logger` and `event`. What belongs to a request has its
`correlation_id`, the `x-request-id` of its answer; what belongs to a batch those of the requests in
it, `correlation_ids`.
"""

import logging
import sys
import traceback
from typing import Any

import psycopg
import structlog
from structlog.typing import ExcInfo

OTHERS = ("httpx", "httpcore", "urllib3")
"""They would tell every address that is called, those of webhooks with whatever is in them."""


OURS = ("services.", "events.")
MOST_CAUSES = 10


class _Named(structlog.WriteLogger):
    """Writes to stderr, and knows whose lines these are."""

    def __init__(self, name: str) -> None:
        super().__init__(sys.stderr)
        self.name = name


def _named(*given: Any) -> _Named:  # noqa: ANN401
    return _Named(str(given[0]) if given else "teamledger")


def _told(error: BaseException) -> str:
    """Its type, and what it says if that is ours to say."""
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    if isinstance(error, psycopg.Error):
        text = error.diag.message_primary
    else:
        text = str(error) if name.startswith(OURS) else None
    return f"{name}: {text}" if text else name


def _traced(exc_info: ExcInfo) -> str:
    """The exception with those that it came from, each after the lines it came through."""
    told: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None and len(told) < MOST_CAUSES:
        through = "".join(traceback.format_tb(error.__traceback__))
        told.append(f"{through}{_told(error)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\nwhich came of\n\n".join(told)


_EXCEPTIONS = structlog.processors.ExceptionRenderer(_traced)


def configure_logging(level: str) -> None:
    """One renderer for structlog and the standard library alike."""
    numeric = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *shared,
            _EXCEPTIONS,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=_named,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _EXCEPTIONS,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=numeric, handlers=[handler], force=True)
    for name in OTHERS:
        logging.getLogger(name).setLevel(max(numeric, logging.WARNING))
    if numeric > logging.DEBUG:  # it tells every attempt of every connection; we tell the outcome
        logging.getLogger("kafka").setLevel(logging.CRITICAL)
