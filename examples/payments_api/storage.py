"""Payments and nonces in SQLite. The card number of a row is one sealed value, bound to the row's id and owner: moved to
another row, it does not open."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from apiseal import Claim, Keyring, Outcome, ValueCipher

CONTEXT = {"purpose": "payments.storage"}


class Payment(NamedTuple):
    id: str
    partner: str
    amount: str
    card_brand: str
    card_number: str


class Storage:
    def __init__(self, path: Path, keyring: Keyring) -> None:
        self.path = path
        self.cards = ValueCipher(keyring, "payments.card_number")
        with closing(self._connection()) as connection, connection:
            connection.execute(
                "create table if not exists payments"
                " (id text primary key, partner text not null, amount text not null,"
                " card_brand text not null, card_number text not null)"
            )

    def add(self, payment: Payment) -> bool:
        """False if there is a payment of this id already."""
        sealed = self.cards.encrypt(payment.card_number, bind=_row(payment.id, payment.partner), context=CONTEXT)
        with closing(self._connection()) as connection, connection:
            row = payment._replace(card_number=sealed)
            done = connection.execute("insert or ignore into payments values (?, ?, ?, ?, ?)", row)
            return done.rowcount == 1

    def find(self, id: str, partner: str) -> Payment | None:
        with closing(self._connection()) as connection, connection:
            row = connection.execute("select * from payments where id = ? and partner = ?", (id, partner)).fetchone()
        if row is None:
            return None
        sealed = Payment(*row)
        return sealed._replace(
            card_number=self.cards.decrypt(sealed.card_number, bind=_row(sealed.id, sealed.partner), context=CONTEXT)
        )

    def _connection(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=10)


class Nonces:
    """A replay store that outlives the process and serves all processes of one machine. A `MemoryReplay` refuses for half a
    minute after its start, because it cannot know what was accepted before."""

    def __init__(self, path: Path, capacity: int) -> None:
        self.path = path
        self.capacity = capacity
        with closing(self._connection()) as connection, connection:
            connection.execute("pragma journal_mode = wal")
            connection.execute(
                "create table if not exists nonces"
                " (scope blob, nonce text, until integer, primary key (scope, nonce)) without rowid"
            )
            connection.execute("create index if not exists nonces_until on nonces (until)")

    def claim(self, claim: Claim) -> Outcome:
        """Inserts the nonce: of many at once, one succeeds."""
        with closing(self._connection()) as connection, connection:
            connection.execute("begin immediate")
            connection.execute("delete from nonces where until < ?", (claim.now,))
            if connection.execute("select count(*) from nonces").fetchone()[0] >= self.capacity:
                return "full"
            row = (claim.scope, claim.nonce, claim.until)
            done = connection.execute("insert or ignore into nonces values (?, ?, ?)", row)
            return "first" if done.rowcount == 1 else "seen"

    def _connection(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=2, isolation_level=None)


def _row(id: str, partner: str) -> dict[str, str]:
    return {"payments.id": id, "payments.partner": partner}
