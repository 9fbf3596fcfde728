"""The service's own HTTP API, for commands that act as one of its callers."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from services.cli.output import cell

ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 5.0
TIMEOUT_SECONDS = 30.0
SHOWN_CHARACTERS = 300
_NOT_ADMIN = ("Only proxy admin", "Only admin users", "role= proxy_admin_viewer")


class ServiceRefused(Exception):
    """The service does not answer, or not what it takes to go on; the text is for the operator."""


class Answered(ServiceRefused):
    """An answer other than 200; `text` is what it says."""

    def __init__(self, path: str, status: int, text: str) -> None:
        super().__init__(f"{path} answered {status}: {text[:SHOWN_CHARACTERS]}")
        self.status, self.text = status, text


@dataclass(frozen=True, slots=True)
class LedgerClient:
    """One service, with the key of whoever runs the command, and the header that it goes into.

    A 503 is waited out as its Retry-After asks, ATTEMPTS times in all: send POSTs with an
    `idempotency_key`, and a repetition does nothing twice.
    """

    http: httpx.Client
    key: str
    header: str = "authorization"
    sleep: Callable[[float], None] = time.sleep

    @property
    def address(self) -> str:
        """Where the service is, without the name and password that may stand in the URL."""
        return str(self.http.base_url.copy_with(userinfo=b"")).rstrip("/")

    def get(self, path: str, **query: str | int) -> Any:  # noqa: ANN401
        """The answer to a GET. Raises ServiceRefused unless it is 200."""
        headers = self._as(self.key)
        response = self._tried(lambda: self.http.get(path, params=query, headers=headers))
        return _accepted(path, response, own_key=True)

    def post(self, path: str, body: object, key: str | None = None, **headers: str) -> Any:  # noqa: ANN401
        """The answer to a POST, with another key than one's own if given.

        Names of headers are written with underscores. Raises ServiceRefused unless it is 200.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {**self._as(key or self.key), **named}
        response = self._tried(lambda: self.http.post(path, json=body, headers=sent))
        return _accepted(path, response, own_key=key is None)

    def _as(self, key: str) -> dict[str, str]:
        return {self.header: f"Bearer {key}"}

    def _tried(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        for _ in range(ATTEMPTS - 1):
            response = self._sent(send)
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return response
            self.sleep(_wait(response.headers))
        return self._sent(send)

    def _sent(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            return send()
        except (httpx.HTTPError, httpx.InvalidURL) as failed:
            reason = cell(str(failed)) or type(failed).__name__
            raise ServiceRefused(
                f"no answer from {cell(self.address)}: {reason}; "
                "is `teamledger serve` running there?"
            ) from None


def connect(url: str, key: str, header: str | None = None) -> LedgerClient:
    """A client for the service at `url`; its `http` is to be closed.

    Raises ServiceRefused for what is no address, or no key.
    """
    if not (key and key.isascii() and key.isprintable() and " " not in key):
        raise ServiceRefused("the key must consist of visible ASCII characters")
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as wrong:
        raise ServiceRefused(f"that is no address of a service: {wrong}") from None
    if address.scheme not in {"http", "https"} or not address.host:
        raise ServiceRefused("that is no address of a service, such as http://host:4000")
    http = httpx.Client(base_url=address, timeout=TIMEOUT_SECONDS)
    return LedgerClient(http, key, header or "authorization")


def _wait(headers: Mapping[str, str]) -> float:
    asked = headers.get("retry-after", "")
    return min(float(asked), LONGEST_WAIT_SECONDS) if asked.isdigit() else 1.0


def _accepted(path: str, response: httpx.Response, *, own_key: bool) -> Any:  # noqa: ANN401
    if response.status_code != httpx.codes.OK:
        raise _refusal(path, response, own_key=own_key)
    try:
        return response.json()
    except ValueError:
        raise ServiceRefused(f"{path} answered something other than JSON") from None


def _refusal(path: str, response: httpx.Response, *, own_key: bool) -> ServiceRefused:
    status, text = response.status_code, _told(response)
    if own_key and status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        if any(phrase in text for phrase in _NOT_ADMIN):
            return ServiceRefused("the key is not a proxy admin's: only those may do this")
        return ServiceRefused(f"the service does not accept the key: {text[:SHOWN_CHARACTERS]}")
    return Answered(path, status, text)


def _told(response: httpx.Response) -> str:
    """The text of a refusal in any of the API's shapes, on one line."""
    try:
        body = response.json()
    except ValueError:
        return cell(response.text.strip())
    match body:
        case {"error": {"message": str(text)}} | {"detail": {"error": str(text)}}:
            return cell(text)
        case {"detail": str(text)}:
            return cell(text)
    return cell(response.text)
