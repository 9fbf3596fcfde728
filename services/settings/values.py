"""What single settings have to be, and how their texts are read."""

import base64
import binascii
import ipaddress
import os
import ssl
import unicodedata
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import SecretStr

PREFIX = "TEAMLEDGER_"
ROOT_KEY_BYTES = 32
MASTER_KEY_LENGTH = 7
LONGEST_ID = 255


def check_master_key(key: str) -> str:
    """The key itself if callers can send it: `sk-…`, at least 7 visible ASCII characters.

    Raises ValueError, never repeating the key.
    """
    if not key.startswith("sk-") or len(key) < MASTER_KEY_LENGTH:
        raise ValueError(
            f"must start with 'sk-' and have at least {MASTER_KEY_LENGTH} characters; "
            "choose another key"
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("must consist of visible ASCII characters; choose another key")
    return key


def decode_root_key(text: str) -> bytes:
    """The 32 bytes behind their base64 text. Raises ValueError, never repeating the text."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != ROOT_KEY_BYTES:
        raise ValueError(
            f"must be {ROOT_KEY_BYTES} bytes in base64; "
            f"make one with: openssl rand -base64 {ROOT_KEY_BYTES}"
        )
    return key


def sendable_key(key: SecretStr) -> SecretStr:
    """As `check_master_key`."""
    check_master_key(key.get_secret_value())
    return key


def readable_root_key(key: SecretStr) -> SecretStr:
    """As `decode_root_key`, and the text itself."""
    decode_root_key(key.get_secret_value())
    return key


def known_zone(name: str) -> str:
    """An IANA name. Raises ValueError."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"{name!r} is not a time zone known here; use an IANA name such as 'Europe/Berlin'"
        ) from None
    return name


def separated(value: object) -> object:
    """The items of a text between commas, without spaces around them."""
    if not isinstance(value, str):
        return value
    return tuple(item.strip() for item in value.split(",") if item.strip())


def listed(value: object) -> object:
    """Likewise, each once."""
    items = separated(value)
    return tuple(dict.fromkeys(items)) if isinstance(items, tuple) else items


def ascending(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """In order, each once."""
    return tuple(sorted(set(numbers)))


def team_id(text: str) -> str:
    """An id that a team may have. Raises ValueError."""
    if len(text) > LONGEST_ID or any(unicodedata.category(sign) == "Cc" for sign in text):
        raise ValueError(
            f"{text[:LONGEST_ID]!r} is no team id: those have 1 to {LONGEST_ID} characters, none "
            "of them a control character"
        )
    return text


def file_or_address(sink: str) -> str:
    """The path of a file, or an address to post to. Raises ValueError."""
    if "://" not in sink or sink.startswith("file://"):
        return sink
    try:
        parts = urlsplit(sink)
        known = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known or not sink.isprintable():
        raise ValueError("must be the path of a file, or an address such as https://host/path")
    return sink


def lower(value: object) -> object:
    """A text in lower case."""
    return value.lower() if isinstance(value, str) else value


def absolute(path: Path) -> Path:
    """A path that means the same from every directory."""
    return path.expanduser().absolute()


def default_data_dir() -> Path:
    """Where a service of this user keeps its data."""
    if getattr(os, "geteuid", os.getpid)() == 0:
        return Path("/var/lib/teamledger")
    base = Path(os.environ.get("XDG_DATA_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local/share") / "teamledger"


def check_certificates(file: Path) -> None:
    """Raise ValueError for a file without any: a client would only say that no broker answers."""
    try:
        ssl.create_default_context(cafile=file)
    except ssl.SSLError:
        why = "holds no certificates in PEM"
    except OSError as failed:
        why = f"cannot be read: {failed.strerror}"
    else:
        return
    raise ValueError(f"{PREFIX}KAFKA_CA_FILE: {file} {why}")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
