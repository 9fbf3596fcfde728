"""Everything of a deployment apart: two of either side over a real Kafka, behind a real nginx."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from services.database.embedded import EmbeddedServer
from tests.support.broker import Broker
from tests.support.postgres import fresh_database
from tests.support.relaying import make_topic, on_broker, start_relay
from tests.support.router import Router, running_router
from tests.support.service import ServiceProcess, Start, free_port, on_database


@dataclass
class Routed:
    """Processes and the router in front of them."""

    start: Start
    broker: Broker
    topic: str
    url: str
    read_url: str
    router: Router
    commands: list[ServiceProcess] = field(default_factory=list)
    projections: list[ServiceProcess] = field(default_factory=list)

    def command(self, port: int) -> ServiceProcess:
        env = on_database(self.url) | {"TEAMLEDGER_PORT": str(port)}
        return self.start(env, ready=False, role="command")

    def projection(self, port: int) -> ServiceProcess:
        env = on_database(self.url, self.read_url) | on_broker(self.broker, self.topic)
        env["TEAMLEDGER_PORT"] = str(port)
        return self.start(env, ready=False, role="projection")


@contextmanager
def routed(server: EmbeddedServer, broker: Broker, topic: str, start: Start) -> Iterator[Routed]:
    """All of them ready; killed in the end."""
    make_topic(broker, topic)
    ports = [free_port() for _ in range(4)]
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database(server))
        read_url = stack.enter_context(fresh_database(server))
        router = stack.enter_context(running_router(ports[:2], ports[2:]))
        made = Routed(start, broker, topic, url, read_url, router)
        made.commands = [made.command(port) for port in ports[:2]]
        made.projections = [made.projection(port) for port in ports[2:]]
        relay = start_relay(url, broker, topic)
        for service in (*made.commands, *made.projections):
            service.wait_until_ready()
        try:
            yield made
        finally:
            relay.kill()
            relay.wait()
            for service in (*made.commands, *made.projections):
                service.kill()
