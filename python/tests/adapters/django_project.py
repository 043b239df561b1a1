"""A Django project for the tests: SQLite and PostgreSQL, and the app `clinic`."""

from __future__ import annotations

import pathlib
import sys
import tempfile
import warnings
from typing import Any

import apiseal
import django
from django.conf import settings
from django.core.management import call_command

# Kept here: it is removed when the process ends.
_OWN = tempfile.TemporaryDirectory(prefix="apiseal-django-", ignore_cleanup_errors=True)
FOLDER = pathlib.Path(_OWN.name)
RING = apiseal.Keyring.generate()
CURRENT = {"alias": "default"}


class Router:
    """Sends every query to the database of the test."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return CURRENT["alias"]

    db_for_write = db_for_read

    def allow_relation(self, *objects: Any, **hints: Any) -> bool:
        return True


def keyring() -> apiseal.Keyring:
    return RING


def _database(engine: str, name: str, **options: Any) -> dict[str, Any]:
    return {"ENGINE": f"django.db.backends.{engine}", "NAME": name, **options}


def configure(**more: Any) -> None:
    """Once a process, whoever asks first."""
    if settings.configured:
        return
    sys.path[:0] = [str(pathlib.Path(__file__).parent), str(FOLDER)]
    app = "django.contrib."
    settings.configure(
        SECRET_KEY="for tests",
        DEBUG=False,
        ALLOWED_HOSTS=["*"],
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DATABASES={
            "default": _database("sqlite3", str(FOLDER / "db")),
            "postgres": _database("postgresql", "postgres", USER="apiseal", HOST="127.0.0.1", PORT=0),
        },
        DATABASE_ROUTERS=["django_project.Router"],
        INSTALLED_APPS=[
            *(app + name for name in ("admin", "auth", "contenttypes", "sessions", "messages")),
            "apiseal.django",
            "clinic",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        ROOT_URLCONF="clinic.urls",
        STATIC_URL="/static/",
        MIGRATION_MODULES={"clinic": "clinic_migrations"},
        APISEAL={"KEYRING": "django_project.keyring", "CONTEXT": {"purpose": "clinic"}},
        **more,
    )
    django.setup()


def make_migrations() -> str:
    """Writes the migrations of the app, and gives their text."""
    folder = FOLDER / "clinic_migrations"
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").touch()
    make_command()
    return "".join(path.read_text() for path in sorted(folder.glob("0*.py")))


def make_command(**options: Any) -> None:
    """`makemigrations`, also while PostgreSQL is not there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        call_command("makemigrations", "clinic", verbosity=0, **options)
