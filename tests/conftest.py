pytest_plugins = [
    "tests.support.postgres",
    "tests.support.service",
    "tests.support.kills",
    "tests.support.broker",
]
