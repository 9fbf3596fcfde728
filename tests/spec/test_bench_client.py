"""The load generator: what it reads as an answer, and what it counts as an error.

Its server is a socket that answers what a test tells it to, since a real one cannot be made to
cut answers, close connections or keep silent.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks import http_client
from tests.benchmarks.http_client import ProtocolError, Response, ResponseParser
from tests.benchmarks.load import CHECK_EVERY, Run, percentile
from tests.benchmarks.messages import HOST, Job, Kind, LaneResult, Target
from tests.benchmarks.workloads import workload

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nhel\r\n2;name=value\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"
)
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + LENGTH


@pytest.mark.parametrize("answer", [LENGTH, CHUNKED, INTERIM, LENGTH.replace(b"-L", b"-l")])
@given(data=st.data())
def test_an_answer_may_arrive_cut_anywhere(answer: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.sets(st.integers(1, len(answer) - 1)).map(sorted))
    parts = [answer[a:b] for a, b in zip([0, *cuts], [*cuts, len(answer)], strict=True)]
    parser = ResponseParser()
    *early, last = [parser.feed(part) for part in parts]
    assert last == Response(200, b"hello", closes=False)
    assert early == [None] * len(early)


def test_one_parser_reads_answer_after_answer() -> None:
    parser = ResponseParser()
    bodies = [
        answer.body for _ in range(2) for a in (LENGTH, CHUNKED) if (answer := parser.feed(a))
    ]
    assert bodies == [b"hello"] * 4


@pytest.mark.parametrize("status", [204, 304])
def test_some_answers_have_no_body_and_say_no_length(status: int) -> None:
    answer = ResponseParser().feed(b"HTTP/1.1 %d x\r\nServer: y\r\n\r\n" % status)
    assert answer == Response(status, b"", closes=False)


def test_a_body_may_hold_what_looks_like_the_end_of_a_head() -> None:
    body = b"\r\n\r\nHTTP/1.1 500 no\r\n\r\n"
    answer = ResponseParser().feed(
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    assert answer == Response(200, body, closes=False)


def test_the_peer_may_announce_that_it_closes() -> None:
    answer = ResponseParser().feed(LENGTH.replace(b"\r\n\r\n", b"\r\nConnection: Close\r\n\r\n"))
    assert answer == Response(200, b"hello", closes=True)


@pytest.mark.parametrize(
    ("received", "complaint"),
    [
        (b"SSH-2.0-x\r\n\r\n", "not an HTTP/1 answer"),
        (b"HTTP/2 200\r\n\r\n", "not an HTTP/1 answer"),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", "not an HTTP/1 answer"),
        (b"HTTP/1.1 200 OK\r\nServer: y\r\n\r\n", "without a usable length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "without a usable length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\n" % (b"9" * 5000), "usable length"),
        (LENGTH + b"x", "1 bytes after the end"),
        (LENGTH + LENGTH, "bytes after the end"),
        (CHUNKED.replace(b"3\r\nhel", b"0x3\r\nhel"), "not the size of a chunk"),
        (CHUNKED.replace(b"3\r\nhel", b"-3\r\nhel"), "not the size of a chunk"),
        (CHUNKED.replace(b"3\r\nhel", b"2\r\nhel"), "a chunk longer than it said"),
        (CHUNKED + b"x", "1 bytes after the end"),
    ],
)
def test_anything_else_is_refused(received: bytes, complaint: str) -> None:
    with pytest.raises(ProtocolError, match=complaint):
        ResponseParser().feed(received)


def test_head_and_answer_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProtocolError, match="a head of more than"):
        ResponseParser().feed(b"HTTP/1.1 200 OK\r\nX: " + b"x" * http_client.MAX_HEAD)
    monkeypatch.setattr(http_client, "MAX_ANSWER", 100)
    parser = ResponseParser()
    assert parser.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n") is None
    with pytest.raises(ProtocolError, match="more than 100 bytes"):
        parser.feed(b"x" * 101)


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_protocol_error(received: bytes) -> None:
    parser = ResponseParser()
    try:
        parser.feed(b"HTTP/1.1 200 OK\r\n")
        parser.feed(received)
    except ProtocolError:
        return
    assert parser.feed(b"") is None  # nothing is answered twice


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(n) for n in range(1, 101)]
    found = [percentile(values, share) for share in (0, 0.5, 0.99, 1)]
    assert found == [1.0, 50.0, 99.0, 100.0]
    assert percentile([7.0], 0.99) == 7.0
    assert percentile([], 0.5) is None


Answer = Callable[[int], bytes]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[int]:
    """The port of a server that answers its n-th request with `answer(n)`; b"" closes."""
    served = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(int(head.lower().split(b"content-length:")[1].split()[0]))
                given, served = answer(served), served + 1
                if not given:
                    break
                writer.write(given)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        yield server.sockets[0].getsockname()[1]


async def run(port: int, limit: int, connections: int = 1, seconds: float = 30) -> LaneResult:
    target = Target(port=port, key="sk-x", pool=1, roster_team="")
    job = Job(
        kind=Kind.NOOP,
        target=target,
        connections=connections,
        warmup=0,
        seconds=seconds,
        limit=limit,
        grace=0.1,
    )
    return (await Run(job, workload(job.kind, target)).execute())[Kind.NOOP]


def right(n: int, status: int = 200) -> bytes:
    body = orjson.dumps({"team_alias": f"bench-{n}", "tpm_limit": 100_000})
    return b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


async def test_a_job_ends_after_its_limit_and_checks_a_sample() -> None:
    async with answering(right) as port:
        lane = await run(port, limit=CHECK_EVERY + 1)
    assert (lane.answered, lane.checked, lane.errors) == (CHECK_EVERY + 1, 2, 0)
    assert lane.p50 is not None
    assert lane.maximum is not None
    assert lane.p50 <= lane.maximum


async def test_an_answer_that_is_not_2xx_is_an_error_and_no_latency() -> None:
    async with answering(lambda n: right(n, 503 if n < 3 else 200)) as port:
        lane = await run(port, limit=5)
    assert (lane.answered, lane.errors) == (2, 3)
    assert lane.first_error == '503 {"team_alias":"bench-0","tpm_limit":100000}'


@pytest.mark.parametrize("body", [b"not json", b"[]", b'{"team_alias":"bench-1"}'])
async def test_a_wrong_answer_is_an_error(body: bytes) -> None:
    wrong = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    async with answering(lambda _: wrong) as port:
        lane = await run(port, limit=1)
    assert (lane.answered, lane.errors) == (0, 1)
    assert lane.first_error == f"a wrong answer to request 0: 200 {body.decode()}"


async def test_a_lost_connection_is_an_error_and_another_is_opened() -> None:
    async with answering(lambda n: right(n) if n != 1 else b"") as port:
        lane = await run(port, limit=4)
    assert (lane.answered, lane.errors) == (3, 1)
    assert lane.first_error == "connection lost: closed by the server"


async def test_connections_that_are_always_lost_do_not_go_on_for_ever() -> None:
    async with answering(lambda _: b"") as port:
        lane = await run(port, limit=1_000, connections=2)
    assert lane.answered == 0
    assert 0 < lane.errors < 1_000


async def test_silence_is_an_error_once_the_grace_is_over() -> None:
    async with answering(lambda n: right(n) if n else b"HTTP/1.1 200 OK\r\n") as port:
        lane = await run(port, limit=1, seconds=0.1)
    assert (lane.answered, lane.errors) == (0, 1)
    assert lane.first_error == "no answer 0.1 s after the end of the run"


async def test_nobody_listening_is_an_error() -> None:
    async with answering(right) as port:
        pass
    lane = await run(port, limit=1)
    assert lane.answered == 0
    assert lane.first_error is not None
    assert lane.first_error.startswith("cannot connect")
