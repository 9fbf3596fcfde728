"""Counts and times answers by route, method and status: templates only, never a path as sent."""

from functools import lru_cache

from prometheus_client import Counter, Histogram
from starlette.types import Scope

from services.metrics import HTTP_REQUESTS, HTTP_SECONDS

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED, OTHER = "unmatched", "other"


def measure(scope: Scope, status: int, seconds: float) -> None:
    """An answer that began after so many seconds."""
    counter, histogram = _series(*named(scope), status)
    counter.inc()
    histogram.observe(seconds)


def named(scope: Scope) -> tuple[str, str]:
    """Method and template of a request."""
    method = scope["method"] if scope["method"] in METHODS else OTHER
    return method, getattr(scope.get("route"), "path", UNMATCHED)


@lru_cache(maxsize=4_096)
def _series(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Found once: labels are looked up under a lock."""
    return HTTP_REQUESTS.labels(method, route, str(status)), HTTP_SECONDS.labels(method, route)
