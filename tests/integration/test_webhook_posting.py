"""One attempt at posting: over TLS to whom the name says, to nobody else, and not for long."""

import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.projection.webhooks.posting import Message, Outcome, Poster
from services.projection.webhooks.targets import Targets
from tests.support.receiver import receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = Message("m-1", '{"type": "webhook.tested"}', [SECRET])


@asynccontextmanager
async def poster(*, private: bool, seconds: float) -> AsyncIterator[Poster]:
    made = Poster(Targets(private=private), seconds)
    yield made
    await made.close()


async def posted(url: str, *, private: bool = True, seconds: float = 10.0) -> Outcome:
    async with poster(private=private, seconds=seconds) as made:
        return await made.post(url, MESSAGE)


def certified(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """A certificate of its own for a host, and what a server needs to present it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, secret)
    return certificate, context


@pytest.mark.parametrize(("name", "trusted"), [("localhost", True), ("other.example", False)])
async def test_the_certificate_has_to_be_that_of_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, trusted: bool
) -> None:
    certificate, context = certified(tmp_path, name)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with receiving(tls=context) as receiver:
        url = receiver.url.replace("127.0.0.1", "localhost")
        outcome = await posted(url)
        assert outcome.delivered is trusted, outcome
        if not trusted:
            assert "certificate verify failed" in (outcome.error or "")
            assert receiver.received == []
            return
        [received] = receiver.received
        assert received.headers["host"] == url.split("/")[2]
        assert received.verified(SECRET) == {"type": "webhook.tested"}


async def test_without_tls_it_is_posted_where_that_is_allowed() -> None:
    with receiving() as receiver:
        assert await posted(receiver.url) == Outcome(204)
        assert receiver.received[0].path == "/alerts"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"])
async def test_our_own_machine_is_not_reached_unless_allowed(host: str) -> None:
    with receiving() as receiver:
        for scheme in ("http", "https"):
            url = receiver.url.replace("http://127.0.0.1", f"{scheme}://{host}")
            outcome = await posted(url, private=False)
            assert (outcome.delivered, outcome.status) == (False, None)
        assert receiver.received == []


async def test_a_redirect_is_not_followed() -> None:
    with receiving() as receiver, receiving() as other:
        receiver.answer = lambda _: (307, {"location": other.url})
        outcome = await posted(receiver.url)
        assert outcome.error == "307 Temporary Redirect: redirects are not followed"
        assert other.received == []


async def test_a_receiver_that_does_not_answer_is_left() -> None:
    with receiving(held=True) as receiver:
        began = time.monotonic()
        outcome = await posted(receiver.url, seconds=0.3)
        assert outcome == Outcome(error="no answer within 0.3 s")
        assert time.monotonic() - began < 5


async def test_nobody_there_is_told_as_that() -> None:
    with receiving() as receiver:
        url = receiver.url
    outcome = await posted(url)
    assert outcome.status is None
    assert outcome.error


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        ((503, {"retry-after": "120"}), 120.0),
        ((429, {"retry-after": "999999999"}), 86_400.0),
        ((429, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}), 0.0),
        ((429, {"retry-after": "soon"}), 0.0),
        ((500, {"retry-after": "120"}), 0.0),
    ],
)
async def test_a_receiver_may_ask_for_time(
    answer: tuple[int, dict[str, str]], pause: float
) -> None:
    with receiving() as receiver:
        receiver.answer = lambda _: answer
        assert (await posted(receiver.url)).pause == pause
