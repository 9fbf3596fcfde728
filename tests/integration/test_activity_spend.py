"""What /team/daily/activity tells of the ledger: whose calls, of which days, under which names."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from events.key import KeyDeleted
from events.team import TeamDeleted
from services.access.credentials import hash_key
from services.command.application.day_sums import DaySums
from services.command.domain.usage import Attribution, Life
from services.database.embedded import EmbeddedServer
from tests.support.facts import key_settings, settings
from tests.support.postgres import fresh_database
from tests.support.reading import Json, World, key, reading, team
from tests.support.usage import NOON, Books, opened_books, used

PATH = "/team/daily/activity"
DAYS: dict[str, str | int] = {"start_date": "2026-11-01", "end_date": "2026-11-30"}
LED, OPEN, PLAIN, GONE = "led", "open", "plain", "gone"


@dataclass(frozen=True)
class Spent:
    """A world whose ledger has calls."""

    world: World
    books: Books
    keys: dict[str, str]

    def by(self, secret: str, team_id: str | None, user_id: str | None) -> Attribution:
        """Who pays for a call with a key."""
        lives = self.world.history.incarnations
        return Attribution(
            team=Life(team_id, lives[team(team_id)], f"{team_id} then") if team_id else None,
            user=Life(user_id, 1) if user_id else None,
            key=Life(hash_key(secret), 1, f"{secret} then"),
        )

    async def shown(self, by: str = "sk-root", **query: str | int) -> Json:
        return await self.world.ok(PATH, by, **{**DAYS, **query})

    async def spent(self, by: str = "sk-root", **query: str | int) -> dict[str, float]:
        """By team."""
        found: dict[str, float] = {}
        for day in (await self.shown(by, **query))["results"]:
            for name, of in day["breakdown"]["entities"].items():
                found[name] = found.get(name, 0) + of["metrics"]["spend"]
        return found


KEYS = {
    "sk-ann-led": (LED, "ann"),
    "sk-ann-open": (OPEN, "ann"),
    "sk-ann-plain": (PLAIN, "ann"),
    "sk-bob-led": (LED, "bob"),
    "sk-bob-open": (OPEN, "bob"),
    "sk-bob-plain": (PLAIN, "bob"),
    "sk-service": (PLAIN, None),
    "sk-bob-gone": (GONE, "bob"),
    "sk-bob": (None, "bob"),
}
"""Keys in the order of their spend: the first spent 1, the next 2, then 4 and so on."""


@pytest.fixture(scope="module")
async def spent(postgres_server: EmbeddedServer) -> AsyncIterator[Spent]:
    """Ann administers `led` and is in `open`, which lets members see all, and in `plain`."""
    with fresh_database(postgres_server) as url:
        async with reading(url) as world, opened_books(url) as books:
            await _people(world)
            made = Spent(world, books, {secret: hash_key(secret) for secret in KEYS})
            for number, (secret, (of, owner)) in enumerate(KEYS.items()):
                call = used(number, str(2**number), key=hash_key(secret), provider="openai")
                await books.book(call, by=made.by(secret, of, owner))
            await books.book(used(99, "0.5"), by=Attribution(unattributed="unknown key"))
            world.tell((key("sk-bob-gone"), KeyDeleted(settings=key_settings(), cause="team")))
            world.tell((team(GONE), TeamDeleted(settings=settings(), members_total=1)))
            yield made


async def _people(world: World) -> None:
    await world.user("root", role="proxy_admin")
    await world.user("pat", role="proxy_admin_viewer")
    for name in ("ann", "bob", "idle"):
        await world.user(name)
    for name in ("root", "pat", "ann", "idle"):
        world.key(f"sk-{name}", user_id=name)
    world.team(LED, {"ann": "admin", "bob": "user"}, team_alias="Led now")
    seen = ["/team/daily/activity"]
    world.team(OPEN, {"bob": "admin", "ann": "user"}, member_permissions=seen)
    world.team(PLAIN, {"bob": "admin", "ann": "user"})
    world.team(GONE, {"bob": "admin"})
    for secret, (of, owner) in KEYS.items():
        within = {"team_id": of} if of else {}
        world.key(secret, user_id=owner, key_alias=f"{secret} now", **within)


ALL = {LED: 9.0, OPEN: 18.0, PLAIN: 100.0, GONE: 128.0, "Unassigned": 256.5}


@pytest.mark.parametrize("by", ["sk-1234-test-master", "sk-root", "sk-pat"])
async def test_admins_see_every_team_gone_or_not_and_what_is_nobodys(spent: Spent, by: str) -> None:
    assert await spent.spent(by) == ALL
    assert await spent.spent(by, team_ids=f"{LED},{GONE},never") == {LED: 9.0, GONE: 128.0}
    kept = {name: of for name, of in ALL.items() if name not in {LED, GONE}}
    assert await spent.spent(by, exclude_team_ids=f"{LED},{GONE}") == kept


async def test_d19_each_team_decides_what_is_shown_of_it(spent: Spent) -> None:
    assert await spent.spent("sk-ann") == {LED: 9.0, OPEN: 18.0, PLAIN: 4.0}
    assert await spent.spent("sk-ann", team_ids=f"{PLAIN},{LED}") == {LED: 9.0, PLAIN: 4.0}
    assert await spent.spent("sk-ann", team_ids=PLAIN) == {PLAIN: 4.0}
    assert await spent.spent("sk-ann", exclude_team_ids=LED) == {OPEN: 18.0, PLAIN: 4.0}
    assert await spent.spent("sk-idle") == {}


async def test_d19_a_key_that_is_asked_for_narrows_and_never_widens(spent: Spent) -> None:
    for secret, (of, owner) in KEYS.items():
        amount = float(2 ** list(KEYS).index(secret))
        asked = spent.keys[secret]
        assert await spent.spent("sk-root", api_key=asked) == {of or "Unassigned": amount}
        shown = {LED: True, OPEN: True, PLAIN: owner == "ann"}.get(of or "", False)
        assert await spent.spent("sk-ann", api_key=asked) == ({of: amount} if shown else {})
        assert await spent.spent("sk-root", api_key=secret) == {}


async def test_a_team_that_has_the_id_of_one_that_is_gone_has_not_spent_its_money(
    spent: Spent,
) -> None:
    world = spent.world
    world.team("twice", {"bob": "admin"})
    call = used(200, "7", key=spent.keys["sk-bob"])
    await spent.books.book(call, by=spent.by("sk-bob", "twice", "bob"))
    world.tell((team("twice"), TeamDeleted(settings=settings(), members_total=1)))
    world.team("twice", {"ann": "admin"})
    try:
        assert await spent.spent("sk-ann", team_ids="twice") == {}
        assert await spent.spent("sk-root", team_ids="twice") == {"twice": 7.0}
        again = used(201, "3", key=spent.keys["sk-ann-led"])
        await spent.books.book(again, by=spent.by("sk-ann-led", "twice", "ann"))
        assert await spent.spent("sk-ann", team_ids="twice") == {"twice": 3.0}
        assert await spent.spent("sk-root", team_ids="twice") == {"twice": 10.0}
    finally:
        world.tell((team("twice"), TeamDeleted(settings=settings(), members_total=1)))


async def test_names_are_those_of_now_or_the_last_ones(spent: Spent) -> None:
    [day] = (await spent.shown(team_ids=f"{LED},{GONE}"))["results"]
    entities, keys = day["breakdown"]["entities"], day["breakdown"]["api_keys"]
    assert {name: of["metadata"] for name, of in entities.items()} == {
        LED: {"team_alias": "Led now"},
        GONE: {"team_alias": "gone then"},
    }
    named = {hashed: of["metadata"] for hashed, of in keys.items()}
    assert named[spent.keys["sk-ann-led"]] == {"key_alias": "sk-ann-led now", "team_id": LED}
    assert named[spent.keys["sk-bob-gone"]] == {"key_alias": "sk-bob-gone then", "team_id": GONE}


async def test_the_shape_is_that_of_the_contract(spent: Spent) -> None:
    whole = await spent.shown("sk-ann", team_ids=PLAIN)
    metrics = {
        "spend": 4.0,
        "prompt_tokens": 10,
        "completion_tokens": 1,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0,
        "total_tokens": 11,
        "successful_requests": 1,
        "failed_requests": 0,
        "api_requests": 1,
    }
    metadata = {"key_alias": "sk-ann-plain now", "team_id": PLAIN}
    by_key = {spent.keys["sk-ann-plain"]: {"metrics": metrics, "metadata": metadata}}
    named = {"metrics": metrics, "metadata": {}, "api_key_breakdown": by_key}
    assert whole == {
        "results": [
            {
                "date": "2026-11-18",
                "metrics": metrics,
                "breakdown": {
                    "models": {"gpt-4o": named},
                    "model_groups": {},
                    "mcp_servers": {},
                    "providers": {"openai": named},
                    "endpoints": {},
                    "entities": {PLAIN: {**named, "metadata": {"team_alias": None}}},
                    "api_keys": by_key,
                },
            }
        ],
        "metadata": {
            "total_spend": 4.0,
            "total_prompt_tokens": 10,
            "total_completion_tokens": 1,
            "total_tokens": 11,
            "total_api_requests": 1,
            "total_successful_requests": 1,
            "total_failed_requests": 0,
            "total_cache_read_input_tokens": 0,
            "total_cache_creation_input_tokens": 0,
            "page": 1,
            "total_pages": 1,
            "has_more": False,
        },
    }


@pytest.fixture(scope="module")
async def daily(spent: Spent) -> Spent:
    """A team that spent 1, 2, 4 … on the last days, always at 23:30 in UTC."""
    world = spent.world
    world.team("daily", {"bob": "admin"})
    late = datetime(2026, 11, 17, 23, 30, tzinfo=UTC)
    for number in range(7):
        at = late - timedelta(days=number)
        call = used(300 + number, str(2**number), at, key=spent.keys["sk-bob"])
        await spent.books.book(call, by=spent.by("sk-bob", "daily", "bob"))
        if number == 3:
            await DaySums(spent.books.pool).work_off(fewest=1)
    return spent


def by_day(page: Json) -> dict[str, float]:
    return {day["date"]: day["metrics"]["spend"] for day in page["results"]}


async def test_d40_pages_are_of_days_and_totals_of_the_range(daily: Spent) -> None:
    found: dict[str, float] = {}
    for number, more in ((1, True), (2, True), (3, False), (4, False)):
        page = await daily.shown(team_ids="daily", page=number, page_size=3)
        meta = page["metadata"]
        assert (meta["total_spend"], meta["total_api_requests"]) == (127.0, 7)
        assert (meta["page"], meta["total_pages"], meta["has_more"]) == (number, 3, more)
        found |= by_day(page)
    assert found == {f"2026-11-{17 - n}": 2.0**n for n in range(7)}
    assert list(found) == sorted(found, reverse=True)


@pytest.mark.parametrize(
    ("timezone", "first"),
    [
        ("UTC", "2026-11-17"),
        ("0", "2026-11-17"),
        ("Europe/Berlin", "2026-11-18"),
        ("-60", "2026-11-18"),
        ("America/New_York", "2026-11-17"),
        ("Asia/Kathmandu", "2026-11-18"),
        ("-345", "2026-11-18"),
        ("840", "2026-11-17"),
        ("-840", "2026-11-18"),
    ],
)
async def test_days_are_those_of_the_zone_that_is_asked_for(
    daily: Spent, timezone: str, first: str
) -> None:
    page = await daily.shown(team_ids="daily", timezone=timezone)
    day = datetime.fromisoformat(first)
    assert by_day(page) == {(day - timedelta(days=n)).date().isoformat(): 2.0**n for n in range(7)}
    newest = {"start_date": first, "end_date": first, "timezone": timezone}
    assert (await daily.shown(team_ids="daily", **newest))["metadata"]["total_spend"] == 1.0


@pytest.mark.parametrize(
    "timezone",
    [
        *("Berlin", "Europe/Nowhere", "../etc/passwd", "/etc/localtime", "posix/../x", "Europe/"),
        *(
            "",
            " ",
            "7",
            "-7",
            "855",
            "-855",
            "10000",
            "1.5",
            "+60",
            "UTC+1",
            "Europe",
            "a" * 65,
            "٦٠",
        ),
    ],
)
async def test_d39_what_is_no_time_zone_is_422(daily: Spent, timezone: str) -> None:
    answered = await daily.world.get(PATH, "sk-ann", None, **DAYS, timezone=timezone)
    assert answered.status_code == 422
    assert [entry["loc"] for entry in answered.json()["detail"]] == [["query", "timezone"]]


async def test_a_range_may_be_all_of_time(daily: Spent) -> None:
    ever: dict[str, str | int] = {"start_date": "0001-01-01", "end_date": "9999-12-31"}
    for zone in ("UTC", "Pacific/Apia"):
        page = await daily.shown("sk-root", team_ids="daily", timezone=zone, **ever)
        assert page["metadata"]["total_spend"] == 127.0
    never: dict[str, str | int] = {"start_date": "9999-12-31", "end_date": "9999-12-31"}
    assert (await daily.shown("sk-root", timezone="Asia/Tokyo", **never))["results"] == []


async def test_d39_a_model_is_a_filter(daily: Spent) -> None:
    assert await daily.spent("sk-ann", model="gpt-4o") == await daily.spent("sk-ann")
    assert await daily.spent("sk-ann", model="gpt") == {}


@pytest.mark.parametrize("timezone", ["UTC", "America/St_Johns", "Asia/Kathmandu"])
async def test_the_days_and_every_division_of_them_add_up(daily: Spent, timezone: str) -> None:
    page = await daily.shown(timezone=timezone, page_size=1000)
    days = page["results"]
    assert sum(day["metrics"]["spend"] for day in days) == page["metadata"]["total_spend"]
    for day in days:
        whole, breakdown = day["metrics"], day["breakdown"]
        for name in ("models", "providers", "entities"):
            parts = [part["metrics"] for part in breakdown[name].values()]
            assert {field: sum(part[field] for part in parts) for field in whole} == whole
        for of in breakdown["entities"].values():
            told = sum(part["metrics"]["spend"] for part in of["api_key_breakdown"].values())
            assert told <= of["metrics"]["spend"]  # some calls were made by nobody's key


async def test_sums_are_exact_until_they_are_shown(daily: Spent) -> None:
    daily.world.team("exact", {"bob": "admin"})
    costs = ["999999999999.999999999999999999", "0.000000000000000001", "0.1", "0.2"]
    calls = [used(400 + n, cost, NOON) for n, cost in enumerate(costs)]
    await daily.books.book(*calls, by=daily.by("sk-bob", "exact", "bob"))
    page = await daily.shown(team_ids="exact", timezone="Asia/Kolkata")
    assert page["metadata"]["total_spend"] == float(sum(map(Decimal, costs[2:]), Decimal(10**12)))
