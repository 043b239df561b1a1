"""The code of docs/python-data.md runs, from top to bottom, beside a real Redis.

A block whose first line names a file of the package `shop` is that file. The others are run, in one program.
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import apiseal
from servers import RedisServer, demand_servers, open_folder  # noqa: F401

demand_servers()

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "python-data.md"
SETUP = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
import django
django.setup()
from django.core.management import call_command
call_command("migrate", run_syncdb=True, verbosity=0)
call_command("check", fail_level="WARNING")
"""


def test_code_of_the_page_runs(tmp_path: pathlib.Path, open_folder: pathlib.Path) -> None:  # noqa: F811
    server = RedisServer(open_folder, "--save", "")
    try:
        shop = tmp_path / "shop"
        shop.mkdir()
        (shop / "__init__.py").touch()
        blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        program = [SETUP]
        for block in blocks:
            if named := re.match(r"# shop/(\w+\.py)\n", block):
                (shop / named[1]).write_text(block)
            else:
                program.append(block.replace("redis://localhost:6379/0", server.url))
        assert len(program) > 8
        (tmp_path / "page.py").write_text("\n".join(program))
        path = os.pathsep.join([str(tmp_path), str(pathlib.Path(apiseal.__file__).parents[1])])
        done = subprocess.run(
            [sys.executable, "page.py"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    finally:
        server.process.stop()
