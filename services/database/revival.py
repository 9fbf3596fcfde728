"""Has the embedded database running while a service does: one that has ended is started again.

It ends by itself where its disk is full (it may not go on without its write-ahead log), and when
somebody kills it.
"""

import logging
import threading
from types import TracebackType
from typing import Self

from services.database.data_directory import DataDirectoryError
from services.database.embedded import EmbeddedServer
from services.database.programs import EmbeddedServerError

LOOK_SECONDS = 1.0  # each look has the server fork once

log = logging.getLogger(__name__)


class Revival:
    """Looks after a server that was started, in a thread of its own, inside a `with` block."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="revival", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            try:
                if not self._server.listens():
                    self._revive()
            except Exception:
                log.exception("looking after the embedded database begins again")

    def _revive(self) -> None:
        """Try until it runs; what kept it from that is logged whenever it is something new."""
        log.error("the embedded database has ended and is started again")
        said = ""
        while not self._over.is_set():
            try:
                self._server.revive()
            except (EmbeddedServerError, DataDirectoryError) as failed:
                if str(failed) != said:
                    said = str(failed)
                    log.error("the embedded database does not start: %s", said)  # noqa: TRY400
                self._over.wait(LOOK_SECONDS / 2)
            else:
                log.warning("the embedded database runs again")
                return
