"""Two processes of either side behind the router, to be replaced one after another."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from services.database.embedded import EmbeddedServer
from tests.support.postgres import fresh_database
from tests.support.router import Router, running_router
from tests.support.service import PROGRAM, ServiceProcess, Start, free_port, on_database

ROLES = ("projection", "command")
"""In the order in which an upgrade replaces them."""


@dataclass
class Deployment:
    """`ports` are those of either side, `running` what answers there."""

    start: Start
    url: str
    router: Router
    ports: dict[str, list[int]]
    running: dict[int, ServiceProcess] = field(default_factory=dict)

    def of(self, role: str) -> list[ServiceProcess]:
        return [self.running[port] for port in self.ports[role]]

    def replace(self, role: str, port: int, program: str = PROGRAM) -> None:
        """End what runs there, as an operator does, and start it anew; returns when it is ready."""
        if port in self.running:
            assert self.running.pop(port).stop() == 0
        self.running[port] = self.started(role, port, program)
        self.running[port].wait_until_ready()

    def started(self, role: str, port: int, program: str = PROGRAM) -> ServiceProcess:
        env = on_database(self.url) | {"TEAMLEDGER_PORT": str(port)}
        return self.start(env, ready=False, role=role, program=program)


@contextmanager
def deployed(server: EmbeddedServer, start: Start, program: str = PROGRAM) -> Iterator[Deployment]:
    """All of them ready; killed in the end."""
    ports = {role: [free_port(), free_port()] for role in ROLES}
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database(server))
        router = stack.enter_context(running_router(ports["command"], ports["projection"]))
        made = Deployment(start, url, router, ports)
        for role in ROLES:
            for port in ports[role]:
                made.replace(role, port, program)
        try:
            yield made
        finally:
            for service in made.running.values():
                service.kill()
