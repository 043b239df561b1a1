"""Every example in a docstring of the package runs and gives what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import apiseal
import pytest

# Adapters import a framework that need not be installed.
MODULES = [
    "apiseal",
    *(f"apiseal.{own.name}" for own in pkgutil.iter_modules(apiseal.__path__) if not own.name.startswith("_")),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        assert "pip install" in str(error), "an import that fails says what to install"
        pytest.skip(f"{name} needs what is not installed: {error}")
    done = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert done.failed == 0
    if name == "apiseal":
        assert done.attempted >= 7


def test_public_names_have_docstrings() -> None:
    for name in apiseal.__all__:
        own = getattr(apiseal, name)
        if isinstance(own, type):
            assert (own.__doc__ or "").strip(), name


def test_the_package_has_a_docstring_and_a_version() -> None:
    assert apiseal.__doc__ and apiseal.__version__
