"""For INSTALLED_APPS: gives `manage.py apiseal_reencrypt`. Fields and middleware work without it."""

from django.apps import AppConfig

__all__ = ["ApisealConfig"]


class ApisealConfig(AppConfig):
    """The app `apiseal`; it has no models."""

    name = "apiseal.django"
    label = "apiseal"
    verbose_name = "apiseal"
