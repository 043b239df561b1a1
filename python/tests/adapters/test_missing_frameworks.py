"""Without its framework an adapter says which extra brings it; the package itself needs none."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("name", ["redis", "django", "sqlalchemy", "pydantic"])
def test_an_adapter_names_its_extra(name: str) -> None:
    code = f"import sys; sys.modules[{name!r}] = None; import apiseal, apiseal.logging; import apiseal.{name}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f'ImportError: apiseal.{name} needs the package {name}: pip install "apiseal[{name}]"' in done.stderr


def test_the_package_imports_no_framework() -> None:
    names = "redis django sqlalchemy pydantic structlog"
    code = f"import sys, apiseal, apiseal.logging; print([name for name in {names!r}.split() if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
