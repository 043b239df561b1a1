"""Adapters are optional: nothing is imported before it is asked for, and what is missing is named."""

from __future__ import annotations

import subprocess
import sys

import pytest


def python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(("module", "extra"), [("httpx", "httpx"), ("httpx2", "httpx2"), ("requests", "requests")])
def test_what_is_missing_is_named_with_its_extra(module: str, extra: str) -> None:
    python(
        f"""
import sys
sys.modules["{module}"] = None
try:
    import apiseal.{module}
except ImportError as error:
    assert 'pip install "apiseal[{extra}]"' in str(error), error
else:
    raise AssertionError("it was imported")
"""
    )


def test_the_package_imports_no_adapter_and_no_framework() -> None:
    python(
        """
import sys, apiseal
assert not {"asyncio", "logging", "httpx", "requests", "starlette"} & set(sys.modules)
assert not [name for name in sys.modules if name.startswith("apiseal._web")]
"""
    )


def test_the_middleware_needs_no_framework() -> None:
    python(
        """
import sys
for name in ("starlette", "fastapi", "anyio", "httpx"):
    sys.modules[name] = None
import inspect
from apiseal.asgi import VerifyMiddleware, verified
assert list(inspect.signature(verified).parameters) == ["request"]
try:
    verified({"type": "http"})
except LookupError as error:
    assert "VerifyMiddleware" in str(error)
"""
    )
