"""A Django app with encrypted fields."""
