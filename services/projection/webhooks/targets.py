"""Where messages may be posted to: never to what only this machine can reach, unless allowed.

Proxy admins set addresses, and still an address must not be a way into the network around us. Names
are resolved for each attempt, and what they lead to then is what is connected to.
"""

import asyncio
import ipaddress
import socket
import threading
from contextlib import suppress

import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_PORTS = {"https": 443, "http": 80}


class Forbidden(Exception):
    """The address is none that may be posted to; the text says why."""


class Targets:
    """Resolves addresses; `private` admits this machine and private networks, there without TLS."""

    def __init__(self, *, private: bool) -> None:
        self._private = private

    async def of(self, url: httpx.URL) -> list[Address]:
        """What the host is, each admitted. Raises Forbidden, and OSError for an unknown name."""
        host = url.raw_host.decode().strip("[]")
        found = await _looked_up(host, url.port or _PORTS[url.scheme])
        for address in found:
            check(address, url.scheme, private=self._private)
        return found


def check(address: Address, scheme: str, *, private: bool) -> None:
    """Raises Forbidden."""
    inner = _inner(address)
    if _reachable_by_all(inner):
        if scheme != "https":
            raise Forbidden("http is for this machine and private networks")
        return
    if not (_local(inner) and private):
        raise Forbidden(
            "the address is on this machine, in a private network, or none of a single host"
        )


async def _looked_up(host: str, port: int) -> list[Address]:
    """In a thread of its own: nobody waits for the name servers of another, or to stop."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[Address]] = loop.create_future()

    def settle(addresses: list[Address], error: OSError | None) -> None:
        if found.done():
            return
        if error is None:
            found.set_result(addresses)
        else:
            found.set_exception(error)

    def look() -> None:
        addresses, failed = list[Address](), None
        try:
            addresses = _resolved(host, port)
        except OSError as error:
            failed = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, addresses, failed)

    threading.Thread(target=look, name="webhook lookup", daemon=True).start()
    return await found


def _resolved(host: str, port: int) -> list[Address]:
    """In the order of the system's preference, each once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(str(where[0])) for *_, where in found))


def _inner(address: Address) -> Address:
    """The IPv4 address that stands in one of IPv6, if one does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _reachable_by_all(address: Address) -> bool:
    return address.is_global and not address.is_multicast and not _tunnelled(address)


def _local(address: Address) -> bool:
    """This machine, or private: where clouds keep their secrets is link-local, and neither."""
    never = address.is_link_local or address.is_multicast or address.is_unspecified
    private = address.is_private and not address.is_reserved and not _tunnelled(address)
    return address.is_loopback or (private and not never)


def _tunnelled(address: Address) -> bool:
    return isinstance(address, ipaddress.IPv6Address) and address.teredo is not None
