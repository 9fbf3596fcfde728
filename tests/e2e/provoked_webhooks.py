"""What is refused of webhooks."""

from collections.abc import Mapping

from tests.e2e.provocation import Provocation, gets, posts, sends

ONE = "/v1/webhooks/{webhook_id}"
_INSECURE = {"url": "http://alerts.example.com"}
_MISSING = {"webhook_id": "missing", "message_id": "missing"}
_BAD = {"webhook_id": "sk-example%00", "message_id": "missing"}
_OF_ONE = {"no_webhook": Provocation(path=_MISSING), "bad_path": Provocation(path=_BAD)}

WEBHOOKS: Mapping[tuple[str, str, str], Provocation] = {
    **posts("/v1/webhooks", insecure=_INSECURE),
    **sends("PATCH", ONE, **_OF_ONE, insecure=_INSECURE),
    **sends("DELETE", ONE, **_OF_ONE),
    **posts(f"{ONE}/rotate", **_OF_ONE),
    **posts(f"{ONE}/test", **_OF_ONE),
    **posts(f"{ONE}/deliveries/{{message_id}}/retry", **_OF_ONE),
    **gets(ONE, no_webhook=Provocation(path=_MISSING)),
    **gets(
        f"{ONE}/deliveries",
        no_webhook=Provocation(path=_MISSING),
        bad_place={"after": "nowhere"},
    ),
}
