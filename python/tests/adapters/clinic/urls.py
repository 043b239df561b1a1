"""What a peer may call."""

from __future__ import annotations

import json

from apiseal.django import sealed
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path, re_path


def echo(request: HttpRequest, rest: str = "") -> HttpResponse:
    proof = sealed(request)
    content = proof.document.decode() or "null"
    answer = JsonResponse({"by": proof.verified.principal, "path": request.path_info, "got": json.loads(content)})
    if "cookies" in request.GET:
        answer.set_cookie("one", "1", httponly=True)
        answer.set_cookie("two", "2 é;", secure=True)
    return answer


async def echo_async(request: HttpRequest) -> HttpResponse:
    return echo(request)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([b"a", b"b"]))


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse("plain", content_type="text/plain")


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=204)


def order(request: HttpRequest) -> HttpResponse:
    document = json.loads(sealed(request).document)
    return HttpResponse(json.dumps({"id": document["id"], "card": document["card"]}), content_type="application/json")


def repeats(request: HttpRequest) -> HttpResponse:
    """As frameworks do it: what is wrong is shown."""
    document = sealed(request).document
    if "choices" in request.GET:
        return HttpResponse(document, status=300, content_type="application/json")
    if "raises" in request.GET:
        raise RuntimeError(document.decode())
    if "streams" in request.GET:
        return StreamingHttpResponse(iter([document]), status=422, content_type="application/json")
    answer = HttpResponse(document, status=422, content_type="application/json", headers={"X-Reason": "id"})
    answer["ETag"] = '"1"'
    answer["Content-Length"] = str(len(document))
    return answer


urlpatterns = [
    path("admin/", admin.site.urls),
    path("echo-async", echo_async),
    path("stream", stream),
    path("plain", plain),
    path("empty", empty),
    path("orders", order),
    path("orders/plain", plain),
    path("orders/repeats", repeats),
    re_path(r"^echo(?P<rest>.*)$", echo),
    path("health", plain),
]
