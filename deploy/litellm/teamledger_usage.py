"""Reports to teamledger what calls cost, and keeps each call in memory until it is accepted.

LiteLLM's `generic_api` sends a batch once, and forgets with it whatever ended in the meantime.
GENERIC_LOGGER_ENDPOINT and GENERIC_LOGGER_HEADERS say where to and by which key. Batches may arrive
twice: teamledger books each call once.
"""

from typing import Any

from litellm._logging import verbose_proxy_logger
from litellm.integrations.generic_api.generic_api_callback import GenericAPILogger
from litellm.litellm_core_utils.safe_json_dumps import safe_dumps

MOST = 1_000


class Reporter(GenericAPILogger):
    """Its payloads, tried again at every interval, in the order in which the calls ended."""

    async def flush_queue(self) -> None:
        """Send what waits, a thousand calls at a time, until something goes wrong."""
        async with self.flush_lock:
            while batch := self.log_queue[:MOST]:
                if not await self._accepted(batch):
                    return
                del self.log_queue[: len(batch)]

    async def async_send_batch(self) -> None:
        """Asked for by every call once many wait; one sender is enough."""
        if not self.flush_lock.locked():
            await self.flush_queue()

    async def _accepted(self, batch: list[Any]) -> bool:
        try:
            answer = await self.async_httpx_client.post(
                url=self.endpoint, headers=self.headers, data=safe_dumps(batch)
            )
            report = answer.json()
        except Exception as failed:  # noqa: BLE001 - whatever it is, the calls have to be kept
            told = "teamledger did not accept usage of %s calls, which are kept: %s"
            verbose_proxy_logger.error(told, len(self.log_queue), type(failed).__name__)
            return False
        if report["refused"]:
            refused = [item for item in report["items"] if item["status"] == "refused"]
            verbose_proxy_logger.error("teamledger refused usage: %s", refused)
        return True


reporter = Reporter()
