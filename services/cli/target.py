"""Which running service a command talks to, and with which key."""

from services.database.secrets import known_master_key
from services.settings import load_settings

_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - listens there, called from here


def target(url: str | None, key: str | None) -> tuple[str, str, str | None]:
    """Address, key and its header. Settings count where one of the first two is not given."""
    if url is not None and key is not None:
        return url, key, None
    settings = load_settings({} if key is None else {"master_key": key})
    host = _HERE.get(settings.host, settings.host)
    here = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
    return url or here, key or known_master_key(settings), settings.key_header_name
