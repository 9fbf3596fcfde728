"""What the README shows is what a fresh service answers."""

import shutil
from pathlib import Path

import pytest

from tests.e2e.readme_session import KEY, normalised, run, session
from tests.support.service import Start

NEEDED = [tool for tool in ("curl", "jq") if shutil.which(tool) is None]


@pytest.mark.skipif(bool(NEEDED), reason=f"not installed: {', '.join(NEEDED)}")
def test_the_session_of_the_readme_is_real(start_service: Start, data_dir: Path) -> None:
    env = {"TEAMLEDGER_DATA_DIR": str(data_dir), "TEAMLEDGER_MASTER_KEY": KEY}
    service = start_service(env)
    steps = session()
    outputs = run([command for command, _ in steps], service.base_url, KEY)
    assert len(steps) >= 5
    assert [normalised(o) for o in outputs] == [normalised(expected) for _, expected in steps]
    service.stop()
