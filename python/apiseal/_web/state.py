"""What the middleware leaves in the scope for handlers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from apiseal._core import Accepted, Verified

__all__ = ["ACCEPTED", "VERIFIED", "AcceptedOf", "VerifiedOf"]

VERIFIED, ACCEPTED = "apiseal_verified", "apiseal_accepted"


class _OfState:
    """Reads what the middleware has left in the scope. Also a dependency of FastAPI, which is imported only if it is there."""

    def __init__(self, name: str, missing: str) -> None:
        self._name = name
        self._missing = missing

    def _find(self, request: Any) -> Any:
        scope = request if isinstance(request, Mapping) and "type" in request else getattr(request, "scope", None)
        if not isinstance(scope, Mapping):
            raise TypeError("give the request, or its ASGI scope")
        found = (scope.get("state") or {}).get(self._name)
        if found is None:
            raise LookupError(self._missing)
        return found

    @property
    def __signature__(self) -> inspect.Signature:
        try:
            from starlette.requests import HTTPConnection
        except ImportError:
            annotation: Any = Any
        else:
            annotation = HTTPConnection
        request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=annotation)
        return inspect.Signature([request])


class VerifiedOf(_OfState):
    def __call__(self, request: Mapping[str, Any] | Any) -> Verified:
        found = self._find(request)
        assert isinstance(found, Verified)
        return found


class AcceptedOf(_OfState):
    def __call__(self, request: Mapping[str, Any] | Any) -> Accepted:
        found = self._find(request)
        assert isinstance(found, Accepted)
        return found
