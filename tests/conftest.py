pytest_plugins = [
    "tests.support.postgres",
    "tests.support.service",
    "tests.support.kills",
    "tests.support.small_disk",
    "tests.support.clock",
    "tests.support.broker",
]
