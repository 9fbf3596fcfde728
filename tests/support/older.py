"""`teamledger` of an older release, as far as facts go: it has never heard of `UNHEARD_OF`."""

from events import registry
from events.audit import AccessReviewed

UNHEARD_OF = AccessReviewed.type_name

if __name__ == "__main__":
    from services.cli.main import app

    del registry._types[UNHEARD_OF]  # noqa: SLF001
    app()
