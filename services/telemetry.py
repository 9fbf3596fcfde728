"""Logs: JSON lines on stderr, without secrets, e-mail addresses or local variables.

Every line has `timestamp`, `level`, `logger` and `event`. What belongs to a request has its
`correlation_id`, the `x-request-id` of its answer; what belongs to a batch those of the requests in
it, `correlation_ids`.
"""

import logging
import sys
from typing import Any

import structlog

OTHERS = ("httpx", "httpcore", "urllib3")
"""They would tell every address that is called, those of webhooks with whatever is in them."""


class _Named(structlog.WriteLogger):
    """Writes to stderr, and knows whose lines these are."""

    def __init__(self, name: str) -> None:
        super().__init__(sys.stderr)
        self.name = name


def _named(*given: Any) -> _Named:  # noqa: ANN401
    return _Named(str(given[0]) if given else "teamledger")


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
            structlog.processors.format_exc_info,
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
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=numeric, handlers=[handler], force=True)
    for name in OTHERS:
        logging.getLogger(name).setLevel(max(numeric, logging.WARNING))
    if numeric > logging.DEBUG:  # it tells every attempt of every connection; we tell the outcome
        logging.getLogger("kafka").setLevel(logging.CRITICAL)
