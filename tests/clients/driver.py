"""Runs in LiteLLM's environment: imports its client once, then serves one request per line.

Importing takes seconds, so each command is run by a fork of this process: the same entry point as
`litellm-proxy`, with its own arguments, environment, output and exit status.

{"argv": […], "env": {…}, "out": path, "err": path}      -> {"exit": status}
{"method": "teams.list", "url": …, "key": …, "with": {}}  -> {"result": …} or {"raised": …, …}
"""

import json
import os
import sys
import traceback
from typing import Any

from litellm.proxy.client import Client, UsersManagementClient  # type: ignore[import-not-found]
from litellm.proxy.client.cli.main import cli  # type: ignore[import-not-found]


def command(request: dict[str, Any]) -> dict[str, Any]:
    child = os.fork()
    if child == 0:
        _become(request)
    return {"exit": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}


def _become(request: dict[str, Any]) -> None:
    status = 1
    try:
        for descriptor, name in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
            flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT
            os.dup2(os.open(name, flags, 0o600), descriptor)
        os.environ.update(request["env"])
        sys.argv = ["litellm-proxy", *request["argv"]]
        cli()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - what Python itself does with it
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def call(request: dict[str, Any]) -> dict[str, Any]:
    group, _, method = request["method"].partition(".")
    arguments = {"base_url": request["url"], "api_key": request["key"]}
    # The users of 1.82.2 are not part of Client.
    client = UsersManagementClient(**arguments) if group == "users" else Client(**arguments)
    target = client if group == "users" else getattr(client, group)
    try:
        return {"result": getattr(target, method)(**request["with"])}
    except Exception as error:  # noqa: BLE001 - whatever the client raises is what is tested
        response = getattr(error, "response", None)
        status = None if response is None else response.status_code
        return {"raised": type(error).__name__, "says": str(error), "status": status}


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        answer = command(request) if "argv" in request else call(request)
        print(json.dumps(answer), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
