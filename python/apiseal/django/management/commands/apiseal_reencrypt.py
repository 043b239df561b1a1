"""manage.py apiseal_reencrypt shop.Patient.ssn"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.core.management.base import BaseCommand, CommandError, CommandParser

import apiseal
from apiseal.django.rotation import Progress, census, reencrypt


class Command(BaseCommand):
    """Carries an encrypted column to the primary key. It can be stopped and started again."""

    help = (
        "Encrypts a column anew under the primary key of the keyring, in batches, or counts the keys that are in use."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("field", help="app_label.Model.field")
        parser.add_argument("--census", action="store_true", help="only count the rows of each key")
        parser.add_argument("--database", help="alias of the database; default: the one that the router writes to")
        parser.add_argument("--batch-size", type=int, default=500, help="rows in one transaction; default 500")
        parser.add_argument("--after", help="primary key of the row to go on after, as the run before printed it")
        parser.add_argument(
            "--encrypt-clear", action="store_true", help="encrypt clear values too, which nobody vouches for"
        )
        parser.add_argument(
            "--keep-going", action="store_true", help="pass over rows that do not open; fails at the end"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            label, field = options["field"].rsplit(".", 1)
            model = apps.get_model(label)
            model._meta.get_field(field)
        except (ValueError, LookupError, FieldDoesNotExist) as error:
            raise CommandError(f"state app_label.Model.field: {error}") from None
        if options["census"]:
            for key_id, count in sorted(census(model, field, using=options["database"]).items(), key=str):
                self.stdout.write(f"{key_id or 'clear'}\t{count}")
            return
        after = model._meta.pk.to_python(options["after"]) if options["after"] else None
        try:
            done = reencrypt(
                model,
                field,
                using=options["database"],
                batch_size=options["batch_size"],
                after=after,
                encrypt_clear=options["encrypt_clear"],
                on_batch=self._tell,
                on_error=self._tell_error if options["keep_going"] else None,
            )
        except apiseal.ApisealError as error:
            notes = "; ".join(getattr(error, "__notes__", []))
            raise CommandError(f"{error}; {notes}" if notes else str(error)) from error
        if done.failed:
            raise CommandError(f"{done.failed} rows do not open")

    def _tell(self, done: Progress) -> None:
        self.stdout.write(
            f"up to {done.last}: {done.changed} encrypted anew, {done.current} current, {done.overtaken} overtaken, "
            f"{done.failed} failed"
        )

    def _tell_error(self, key: Any, error: apiseal.ApisealError) -> None:
        self.stderr.write(f"row {key}: {error}")
