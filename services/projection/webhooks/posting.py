"""One attempt at posting a message, signed as Standard Webhooks has it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from standardwebhooks import Webhook

from services.projection.webhooks.targets import Address, Forbidden, Targets

GONE = 410
LONGEST_ERROR = 300
LONGEST_PAUSE = 86_400.0
_WAITED_FOR = {429, 503}


@dataclass(frozen=True, slots=True)
class Message:
    """The same body and id at every attempt; `secrets` sign it, the newest first."""

    id: str
    body: str
    secrets: Sequence[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt. `pause` is how many seconds the receiver asked us to wait."""

    status: int | None = None
    error: str | None = None
    pause: float = 0.0

    @property
    def delivered(self) -> bool:
        return self.error is None

    @property
    def gone(self) -> bool:
        """The receiver wants nothing any more."""
        return self.status == GONE


def signed(message: Message, now: datetime) -> dict[str, str]:
    """The headers by which a receiver knows that the message is ours, and recent."""
    moment = now.replace(microsecond=0)
    signatures = [
        Webhook(secret).sign(message.id, moment, message.body) for secret in message.secrets
    ]
    return {
        "webhook-id": message.id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
        "content-type": "application/json",
        "user-agent": "teamledger",
    }


class Poster:
    """Posts; follows no redirect, uses no proxy, and takes `timeout` seconds at most."""

    def __init__(self, targets: Targets, timeout: float) -> None:
        self._targets, self._timeout = targets, timeout
        self._client = httpx.AsyncClient(
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            verify=httpx.create_ssl_context(),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def close(self) -> None:
        """Attempts must have ended."""
        await self._client.aclose()

    async def post(self, address: str, message: Message) -> Outcome:
        """Try once; whatever goes wrong is told in the outcome."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._attempt(httpx.URL(address), message)
        except TimeoutError:
            return Outcome(error=f"no answer within {self._timeout:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, Forbidden, OSError, ValueError) as error:
            return Outcome(error=(str(error) or type(error).__name__)[:LONGEST_ERROR])

    async def _attempt(self, url: httpx.URL, message: Message) -> Outcome:
        """Whichever address of the host can be connected to first is the one that is asked."""
        *others, last = await self._targets.of(url)
        for address in others:
            try:
                return await self._ask(url, address, message)
            except httpx.ConnectError:
                continue
        return await self._ask(url, last, message)

    async def _ask(self, url: httpx.URL, address: Address, message: Message) -> Outcome:
        headers = signed(message, datetime.now(UTC))
        request = self._client.build_request(
            "POST",
            url.copy_with(host=str(address)),
            content=message.body.encode(),
            headers={**headers, "host": url.netloc.decode()},
            extensions={"sni_hostname": url.raw_host.decode().strip("[]")},
        )
        response = await self._client.send(request, stream=True)
        await response.aclose()
        if response.is_success:
            return Outcome(response.status_code)
        return Outcome(response.status_code, _refused(response), _pause(response))


def _refused(response: httpx.Response) -> str:
    text = f"{response.status_code} {response.reason_phrase}".strip()
    return f"{text}: redirects are not followed" if response.is_redirect else text


def _pause(response: httpx.Response) -> float:
    """Seconds of a Retry-After that says so or names a moment; at most a day."""
    text = response.headers.get("retry-after", "")
    if response.status_code not in _WAITED_FOR or not text:
        return 0.0
    try:
        seconds = float(text) if text.isdecimal() else _until(text)
    except (ValueError, TypeError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_PAUSE)


def _until(text: str) -> float:
    return (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
