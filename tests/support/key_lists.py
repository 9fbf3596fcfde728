"""What GET /key/list lists, by the aliases of keys."""

from tests.support.reading import World


async def aliases(world: World, by: str = "sk-root", **query: str | int) -> list[str]:
    """What is listed to a caller, on one page; the total has to say the same."""
    query = {"size": 100, "return_full_object": "true", **query}
    page = await world.ok("/key/list", by, **query)
    assert page["total_count"] == len(page["keys"])
    return [key["key_alias"] for key in page["keys"]]
