"""How everything stands, under /v1."""

from typing import Annotated, Literal

from pydantic import Field

from services.edge.openapi.schema import SOMETIMES, Document, Moment

Colour = Literal["green", "yellow", "red"]
Behind = Annotated[int, Field(description="How many events it lacks.")]
Seconds = Annotated[
    float, Field(description="Age of the oldest of them in seconds; 0 when it lacks none.")
]
Upto = Annotated[int, Field(description="Up to which event it holds the log.")]


class StatusLight(Document):
    """One thing that was looked at."""

    name: Annotated[str, Field(description="What was looked at.")]
    colour: Annotated[
        Colour, Field(description="Green is well, yellow to be watched, red needs somebody.")
    ]
    reason: Annotated[str, Field(description="Why it is of that colour.")]


class StatusGroup(Document):
    """Read models that move together."""

    group: Annotated[str, Field(description="Their name.")]
    position: Upto
    lag_events: Behind
    lag_seconds: Seconds


class StatusSeal(Document):
    """The Merkle tree."""

    position: Upto
    lag_events: Behind
    lag_seconds: Seconds
    usage_position: Annotated[int, Field(description="Up to where it holds the ledger of usage.")]
    tree_size: Annotated[int, Field(description="How many leaves it has.")]
    checkpoint_at: Annotated[
        Moment | None, Field(description="When the newest checkpoint was signed.")
    ]


class StatusRelay(Document):
    """A topic, whichever relay leads."""

    topic: Annotated[str, Field(description="Its name.")]
    position: Upto
    lag_events: Behind
    lag_seconds: Seconds
    published_at: Annotated[Moment, Field(description="When something was published last.")]


class StatusWebhooks(Document):
    """Messages to webhooks."""

    waiting: Annotated[int, Field(description="How many are neither delivered nor given up.")]
    oldest_at: Annotated[Moment | None, Field(description="Since when the oldest of them waits.")]


class StatusUsage(Document):
    """The ledger of usage."""

    position: Annotated[int, Field(description="Where it ends.")]
    quarantined: Annotated[int, Field(description="How many records wait in quarantine.")]


class StatusRebuild(Document):
    """A `teamledger rebuild` that was swapped in."""

    at: Annotated[Moment, Field(description="When.")]
    position: Annotated[int, Field(description="Up to which event.")]


class StatusMigrations(Document):
    """The last migration that this release knows, by schema."""

    events: Annotated[int, Field(description="Of log, ledger and what belongs to them.")]
    read: Annotated[
        int, Field(description="Of read models; absent where the process has none.")
    ] = SOMETIMES


class Status(Document):
    """How everything stands; what a database did not tell is null."""

    status: Annotated[Colour, Field(description="The worst of all lights.")]
    reason: Annotated[str, Field(description="Which one that is, and why.")]
    kind: Annotated[
        Literal["serve", "command", "projection"],
        Field(description="Which command started the process that answers."),
    ]
    version: Annotated[str, Field(description="Of teamledger.")]
    uptime_seconds: Annotated[float, Field(description="For how long the process has answered.")]
    lights: Annotated[list[StatusLight], Field(description="All that was looked at.")]
    migrations: Annotated[
        StatusMigrations, Field(description="The last migration that this release knows.")
    ]
    projections: Annotated[list[StatusGroup] | None, Field(description="Read models, by group.")]
    last_rebuild: Annotated[
        StatusRebuild | None, Field(description="The last rebuild, if there was any.")
    ]
    epoch: Annotated[
        str | None, Field(description="Which store it is: another one after a restore.")
    ]
    head: Annotated[int | None, Field(description="The position of the last event.")]
    seal: Annotated[StatusSeal | None, Field(description="The Merkle tree.")]
    relays: Annotated[
        list[StatusRelay] | None, Field(description="Topics that a relay ever published to.")
    ]
    webhooks: Annotated[StatusWebhooks | None, Field(description="Messages to webhooks.")]
    usage: Annotated[StatusUsage | None, Field(description="The ledger of usage.")]
