"""From the rounds of a run to the table and the JSON that people read."""

from collections.abc import Sequence
from statistics import median

from pydantic import BaseModel, ConfigDict
from rich.table import Table

from tests.benchmarks.messages import JobResult, Kind, LaneResult


class Round(BaseModel):
    """One job: what was sent, what came of it, how long reads needed afterwards to catch up."""

    model_config = ConfigDict(frozen=True)
    kind: Kind
    result: JobResult
    settle_seconds: float | None


class Spread(BaseModel):
    """Over the rounds; requests or milliseconds, as its field says."""

    model_config = ConfigDict(frozen=True)
    median: float
    lowest: float
    highest: float


class Line(BaseModel):
    """One line of the report; times in milliseconds, except `settle_seconds`.

    `rate` is right answers per second; `of_noop` the median over the rounds of this rate by
    that of the no-op in the same round; `p50` and `p99` are medians of the rounds' percentiles,
    `maximum` is the longest of all rounds.
    """

    model_config = ConfigDict(frozen=True)
    name: str
    rate: Spread
    of_noop: float | None
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    checked: int
    errors: int
    first_error: str | None
    settle_seconds: float | None
    generator_cpu: float


class Settings(BaseModel):
    """What was asked for; seconds, except `rounds`, `connections` and `scale` (teams)."""

    model_config = ConfigDict(frozen=True)
    connections: int
    rounds: int
    seconds: float
    warmup: float
    scale: int


class Report(BaseModel):
    """A whole run; `rounds` holds the raw results that `lines` were made from."""

    model_config = ConfigDict(frozen=True)
    started_at: str
    python: str
    platform: str
    cpus: int | None
    settings: Settings
    service_start_seconds: float
    teams_seeded: int
    seeding_rate: float
    lines: list[Line]
    rounds: list[Round]

    @property
    def errors(self) -> int:
        """Errors of all lines."""
        return sum(line.errors for line in self.lines)


def lines_of(rounds: Sequence[Round]) -> list[Line]:
    """The lines of the report, in the order in which their lanes first ran."""
    ceiling = [one.result.lanes[Kind.NOOP].rate for one in rounds if one.kind is Kind.NOOP]
    names = dict.fromkeys(name for one in rounds for name in one.result.lanes)
    return [_line(name, [r for r in rounds if name in r.result.lanes], ceiling) for name in names]


def _line(name: str, rounds: Sequence[Round], ceiling: Sequence[float]) -> Line:
    lanes = [one.result.lanes[name] for one in rounds]
    rates = [lane.rate for lane in lanes]
    shares = [rate / top for rate, top in zip(rates, ceiling, strict=False) if top]
    settles = [one.settle_seconds for one in rounds if one.settle_seconds is not None]
    return Line(
        name=name,
        rate=Spread(median=median(rates), lowest=min(rates), highest=max(rates)),
        of_noop=median(shares) if shares else None,
        p50_ms=_milliseconds([lane.p50 for lane in lanes]),
        p99_ms=_milliseconds([lane.p99 for lane in lanes]),
        max_ms=max(
            (1000 * lane.maximum for lane in lanes if lane.maximum is not None), default=None
        ),
        checked=sum(lane.checked for lane in lanes),
        errors=sum(lane.errors for lane in lanes),
        first_error=_first_error(lanes),
        settle_seconds=max(settles, default=None),
        generator_cpu=median([one.result.generator_cpu for one in rounds]),
    )


def _milliseconds(seconds: Sequence[float | None]) -> float | None:
    given = [1000 * value for value in seconds if value is not None]
    return median(given) if given else None


def _first_error(lanes: Sequence[LaneResult]) -> str | None:
    return next((lane.first_error for lane in lanes if lane.first_error), None)


_HEADINGS = (
    "req/s",
    "lowest–highest",
    "of no-op",
    "p50 ms",
    "p99 ms",
    "max ms",
    "errors",
    "settle s",
    "load CPU",
)


def table(report: Report) -> Table:
    """The report as it is printed."""
    settings = report.settings
    shown = Table(
        title=f"{settings.connections} connections, {settings.rounds} rounds of "
        f"{settings.seconds:g} s, {report.teams_seeded} teams; median of the rounds"
    )
    shown.add_column("request", no_wrap=True)
    for heading in _HEADINGS:
        shown.add_column(heading, justify="right", no_wrap=True)
    for line in report.lines:
        shown.add_row(*_cells(line), style="red" if line.errors else None)
    return shown


def _cells(line: Line) -> list[str]:
    return [
        line.name,
        f"{line.rate.median:,.0f}",
        f"{line.rate.lowest:,.0f}–{line.rate.highest:,.0f}",
        _shown(line.of_noop, "{:.0%}"),
        _shown(line.p50_ms, "{:.2f}"),
        _shown(line.p99_ms, "{:.2f}"),
        _shown(line.max_ms, "{:.1f}"),
        str(line.errors),
        _shown(line.settle_seconds, "{:.2f}"),
        f"{line.generator_cpu:.0%}",
    ]


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
