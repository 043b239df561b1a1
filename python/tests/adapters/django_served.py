"""The project as a service, for real servers: `application` for WSGI, `asgi` for ASGI."""

from __future__ import annotations

import apiseal
import django_project
import seals
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

django_project.configure()

from django.conf import settings

settings.MIDDLEWARE = ["apiseal.django.SealMiddleware"]
MEMBERS = {"SIGNER": seals.server_signer(), "SCHEME": "http", "MAX_BODY": 5_000_000, "EXEMPT": ("/health",)}

settings.APISEAL = {"VERIFIER": seals.verifier(), **MEMBERS}
application = get_wsgi_application()

settings.APISEAL = {"VERIFIER": seals.async_verifier(), **MEMBERS}
apiseal.django.conf._made.clear()
asgi = get_asgi_application()
