"""The FastAPI application of the tests."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

import apiseal
from apiseal.asgi import accepted, verified
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from pydantic import BaseModel


class Order(BaseModel):
    id: int
    card: str
    amount: float = 1.0


def application() -> FastAPI:
    app = FastAPI()

    @app.get("/health")
    async def health(request: Request) -> dict[str, bool]:
        try:
            verified(request)
        except LookupError:
            return {"verified": False}
        return {"verified": True}

    @app.post("/orders")
    async def order(
        order: Order,
        proof: Annotated[apiseal.Verified, Depends(verified)],
        opened: Annotated[apiseal.Accepted, Depends(accepted)],
    ) -> dict[str, Any]:
        assert opened.verified.nonce == proof.nonce
        return {"id": order.id, "card": order.card, "who": proof.principal}

    @app.api_route("/echo/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
    async def echo(request: Request, proof: Annotated[apiseal.Verified, Depends(verified)]) -> dict[str, Any]:
        body = await request.body()
        assert body == proof.body
        return {
            "digest": hashlib.sha256(body).hexdigest(),
            "size": len(body),
            "length": request.headers.get("content-length"),
            "chunked": "transfer-encoding" in request.headers,
            "path": proof.component("@path"),
            "query": proof.component("@query"),
            "nonce": proof.nonce,
            "headers": [[name.decode(), value.decode("latin-1")] for name, value in request.scope["headers"]],
        }

    @app.get("/empty/{status}")
    async def empty(status: int) -> Response:
        return Response(status_code=status)

    @app.get("/text")
    async def text() -> Response:
        return Response("héllo", media_type="text/plain")

    @app.get("/lines")
    async def lines() -> Response:
        answer = JSONResponse({"a": 1})
        answer.raw_headers.append((b"set-cookie", b"a=1"))
        answer.raw_headers.append((b"set-cookie", b"b=2"))
        return answer

    @app.get("/stream")
    async def stream(pieces: int = 3) -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            for at in range(pieces):
                await asyncio.sleep(0)
                yield b"%08d" % at * 128

        return StreamingResponse(parts(), media_type="application/octet-stream")

    @app.get("/broken")
    async def broken() -> None:
        raise ValueError("4111111111111111")

    @app.get("/broken-stream")
    async def broken_stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            raise ValueError("in the middle")

        return StreamingResponse(parts())

    @app.get("/moved")
    async def moved(to: str, status: int = 302) -> RedirectResponse:
        return RedirectResponse(to, status)

    @app.post("/moved")
    async def moved_post(to: str, status: int = 307) -> RedirectResponse:
        return RedirectResponse(to, status)

    @app.post("/slow")
    async def slow(request: Request, seconds: float = 0.0) -> dict[str, int]:
        await asyncio.sleep(seconds)
        return {"size": len(await request.body())}

    return app
