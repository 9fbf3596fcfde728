"""Traces of a running service: from the request to the read models, in one trace."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import pairwise

import pytest

from services.database.embedded import EmbeddedServer
from tests.support.ledger import Ledger, running_ledger
from tests.support.otlp import Collector, Kept, collecting
from tests.support.service import MASTER_KEY, Start

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
WHOLE = ("POST /team/new", "CreateTeam", "record", "project contract")
AT_ONCE = 20


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def ledger(
    postgres_server: EmbeddedServer, start_service: Start, collector: Collector
) -> Iterator[Ledger]:
    with running_ledger(postgres_server, start_service, **collector.env) as ledger:
        yield ledger


def new_team(ledger: Ledger, team_id: str, **headers: str) -> str:
    """The id that its answer is known by."""
    made = ledger.post("/team/new", {"team_id": team_id}, **headers)
    assert made.status_code == 200, made.text
    return made.headers["x-request-id"]


def first_event(ledger: Ledger, correlation: str) -> str:
    """The id of the first event of a request."""
    row = ledger.database.execute(
        "SELECT body ->> 'id' FROM (SELECT notification_id, "
        "convert_from(state, 'UTF8')::json AS body FROM events.stored_events) events "
        "WHERE body -> 'meta' ->> 'correlation_id' = %s ORDER BY notification_id LIMIT 1",
        (correlation,),
    ).fetchone()
    assert row is not None
    return str(row[0])


def assert_chained(spans: dict[str, Kept], *names: str) -> None:
    """Each is the parent of the next."""
    for name, following in pairwise(names):
        assert spans[following].parent == spans[name].span, following


def test_the_trace_of_the_caller_goes_on_to_the_read_models(
    ledger: Ledger, collector: Collector
) -> None:
    request_id = new_team(ledger, "traced", traceparent=f"00-{TRACE}-{CALLER}-01")
    spans = collector.trace(TRACE, *WHOLE, "commit batch", "append")
    assert request_id == TRACE
    assert spans["POST /team/new"].parent == CALLER
    assert_chained(spans, *WHOLE)
    assert_chained(spans, "POST /team/new", "commit batch", "append")
    assert spans["POST /team/new"].attributes["http.response.status_code"] == "200"
    assert spans["record"].span == sha256(first_event(ledger, TRACE).encode()).hexdigest()[:16]
    assert {span.process for span in spans.values()} == {"serve"}


def test_without_a_trace_of_the_caller_it_is_that_of_the_request(
    ledger: Ledger, collector: Collector
) -> None:
    request_id = new_team(ledger, "untraced")
    spans = collector.trace(request_id, *WHOLE)
    assert spans["POST /team/new"].parent == ""
    assert_chained(spans, *WHOLE)


def test_a_name_that_a_caller_gave_his_request_leads_to_its_trace(
    ledger: Ledger, collector: Collector
) -> None:
    new_team(ledger, "named", x_request_id="job 7".replace(" ", "-"))
    spans = collector.trace(sha256(b"job-7").hexdigest()[:32], *WHOLE)
    assert_chained(spans, *WHOLE)


def test_of_both_the_recording_is_linked_to_the_callers_trace(
    ledger: Ledger, collector: Collector
) -> None:
    trace = "1" * 32
    new_team(ledger, "both", x_request_id="job-8", traceparent=f"00-{trace}-{CALLER}-01")
    served = collector.trace(trace, *WHOLE[:2])
    derived = collector.trace(sha256(b"job-8").hexdigest()[:32], *WHOLE[2:])
    assert derived["record"].links == ((trace, served["CreateTeam"].span),)
    assert_chained(derived, *WHOLE[2:])


def test_requests_that_share_a_batch_are_linked_to_it(ledger: Ledger, collector: Collector) -> None:
    def batched(spans: list[Kept]) -> bool:
        return any(s.name == "commit batch" and len(s.links) > 1 for s in spans)

    with ThreadPoolExecutor(AT_ONCE) as clients:
        for turn in range(10):
            names = [f"batched-{turn}-{number}" for number in range(AT_ONCE)]
            traces = list(clients.map(lambda name: new_team(ledger, name), names))
            for trace in traces:
                collector.trace(trace, *WHOLE)
            if batched(collector.spans):
                break
    [batch, *_] = [s for s in collector.spans if s.name == "commit batch" and len(s.links) > 1]
    assert batch.parent == ""
    requests = {s.span for s in collector.spans if s.name == "POST /team/new"}
    assert {span for _, span in batch.links} <= requests
    commands = [s for s in collector.spans if (batch.trace, batch.span) in s.links]
    assert {c.name for c in commands} == {"CreateTeam"}
    assert len(commands) == len(batch.links)


def test_a_call_that_is_not_sampled_is_not_recorded(ledger: Ledger, collector: Collector) -> None:
    dropped, kept = "2" * 32, "3" * 32
    new_team(ledger, "dropped", traceparent=f"00-{dropped}-{CALLER}-00")
    new_team(ledger, "kept", traceparent=f"00-{kept}-{CALLER}-01")
    collector.trace(kept, *WHOLE)
    names = {span.name for span in collector.spans if span.trace == dropped}
    assert "POST /team/new" not in names


def test_nothing_of_keys_or_people_is_in_a_span(ledger: Ledger, collector: Collector) -> None:
    email = "ann.traced@example.com"
    trace = "4" * 32
    headers = {"traceparent": f"00-{trace}-{CALLER}-01"}
    secret = ledger.done("/user/new", {"user_id": email, "user_email": email}, **headers)["key"]
    ledger.get(f"/v1/users/{email}/history", secret)
    collector.trace(trace, "POST /user/new", "CreateUser")
    told = repr(collector.spans)
    for word in (email, secret, MASTER_KEY, "ann.traced"):
        assert word not in told


@pytest.mark.parametrize("header", ["", "00-x", f"00-{'0' * 32}-{CALLER}-01", "ff" * 30, "é" * 9])
def test_a_header_that_is_no_trace_is_none(ledger: Ledger, header: str) -> None:
    sent = {"authorization": f"Bearer {MASTER_KEY}", "traceparent": header}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
    answered = ledger.http.get("/team/list", headers=raw)
    assert answered.status_code == 200
    assert len(answered.headers["x-request-id"]) == 32
