"""Lists that LiteLLM answers whole and that may be asked for by page (register S17)."""

from typing import Annotated

from pydantic import Field

from services.projection.api.asked import MAX_PAGE, Asked

TOTAL_HEADER = "x-total-count"
_SIZE = 25


class OptionalPage(Asked):
    """A page, counted from 1, of so many entries; all of them where neither is given."""

    page: Annotated[int, Field(ge=1, le=MAX_PAGE)] | None = None
    page_size: Annotated[int, Field(ge=1, le=100)] | None = None

    @property
    def size(self) -> int | None:
        """How many entries are wanted; None for all."""
        if self.page is None and self.page_size is None:
            return None
        return self.page_size or _SIZE

    @property
    def beyond(self) -> int:
        """How many entries come before them."""
        return ((self.page or 1) - 1) * (self.size or 0)
