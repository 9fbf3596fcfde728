"""Rows of the security log go when they are old, whether anything is refused meanwhile or not."""

import pytest

from services.database import security_log as module
from services.database.connections import open_pool, service_conninfo
from services.database.security_log import SecurityLog
from tests.support.eventlog import owner
from tests.support.stored import count

ROW = """
INSERT INTO ops.security_log VALUES (gen_random_uuid(), now() - interval '3 days',
    now() - interval '2 days', 'POST', '/team/new', 401, NULL, NULL, 'req', 1)
"""
ROWS = "SELECT count(*) FROM ops.security_log"


async def test_old_rows_go_while_nothing_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRIM_SECONDS", 0)
    async with await open_pool(service_conninfo(url), 1, 2, "test") as pool:
        log = SecurityLog(pool, most=100, days=1)
        for _ in ("after a start", "later"):
            with owner(url) as conn:
                conn.execute(ROW)
            await log.write()
            assert count(url, ROWS) == 0
