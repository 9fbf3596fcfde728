"""What people are told of how everything stands: as JSON, or as a page to look at."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from events.values import JsonObject
from services.edge.body import answer
from services.operation.browser import wants_page
from services.operation.context import Operation, Shown
from services.operation.lights import Colour, Light, lights, worst
from services.operation.standing import Lag, Log, Standing

ALL_WELL = "all lights are green"
_HEADERS = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>teamledger: {status}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ border-bottom: 1px solid #ccc; padding: .3rem .6rem; text-align: left }}
.green {{ color: #1a7f37 }} .yellow {{ color: #9a6700 }} .red {{ color: #cf222e }}
</style>
<h1>teamledger is <span class="{status}">{status}</span></h1>
<p>{about}</p>
<table><tr><th>light<th>what<th>why</tr>
{rows}
</table>
<p>As JSON: the same address without <code>Accept: text/html</code>.</p>
</html>
"""


async def told(
    request: Request, operation: Operation, stopped: Mapping[str, str | None]
) -> Response:
    """The answer to whoever may know; `stopped` are parts of this process, as for `lights`."""
    standing = await operation.survey.taken()
    found = lights(standing, stopped, operation.max_lag)
    content = status(operation.shown, standing, found)
    if wants_page(request):
        return HTMLResponse(page(content), headers=_HEADERS)
    return answer(content)


def status(shown: Shown, standing: Standing, found: Sequence[Light]) -> JsonObject:
    """One object; what a database did not tell is null."""
    first, log = worst(found), standing.log
    return {
        "status": first.colour,
        "reason": ALL_WELL if first.colour is Colour.GREEN else f"{first.name}: {first.reason}",
        "kind": shown.kind,
        "version": shown.version,
        "uptime_seconds": round(shown.uptime, 3),
        "lights": [
            {"name": light.name, "colour": light.colour, "reason": light.reason} for light in found
        ],
        "migrations": dict(shown.migrations),
        "projections": _groups(standing),
        "last_rebuild": None
        if standing.rebuilt is None
        else {"at": _time(standing.rebuilt.at), "position": standing.rebuilt.position},
        **(_NOTHING_KNOWN if log is None else _log(log)),
    }


_NOTHING_KNOWN: JsonObject = dict.fromkeys(
    ("epoch", "head", "seal", "relays", "webhooks", "usage"), None
)


def _log(log: Log) -> JsonObject:
    seal, queues = log.seal, log.queues
    return {
        "epoch": str(log.epoch),
        "head": log.head,
        "seal": {
            **_lag(seal.events),
            "usage_position": seal.usage,
            "tree_size": seal.leaves,
            "checkpoint_at": None if seal.checkpoint_at is None else _time(seal.checkpoint_at),
        },
        "relays": [
            {"topic": each.topic, **_lag(each.lag), "published_at": _time(each.published_at)}
            for each in log.relays
        ],
        "webhooks": {
            "waiting": queues.messages,
            "oldest_at": None if queues.oldest is None else _time(queues.oldest),
        },
        "usage": {"position": log.usage, "quarantined": queues.quarantined},
    }


def _groups(standing: Standing) -> list[JsonObject] | None:
    if standing.groups is None or standing.log is None:
        return None
    return [{"group": name, **_lag(lag)} for name, lag in standing.groups.items()]


def _lag(lag: Lag) -> JsonObject:
    return {
        "position": lag.position,
        "lag_events": lag.events,
        "lag_seconds": round(lag.seconds, 3),
    }


def _time(moment: datetime) -> str:
    return moment.isoformat()


def page(content: JsonObject) -> str:
    """The same for a browser, without a script and without anything from elsewhere."""
    rows = "\n".join(
        f'<tr><td class="{light["colour"]}">&#9679; {light["colour"]}'
        f"<td>{escape(light['name'])}<td>{escape(light['reason'])}</tr>"
        for light in content["lights"]
    )
    about = escape(
        f"{content['reason']}. Process {content['kind']}, version {content['version']}, up for "
        f"{content['uptime_seconds']:.0f} s; the log ends at position {content['head']}."
    )
    return _PAGE.format(status=content["status"], about=about, rows=rows)
