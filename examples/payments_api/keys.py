"""Makes the keys: one folder for the service, and one for each partner, who gets what is derived for it and nothing else.

python keys.py FOLDER
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

from apiseal import Key, Keyring

PARTNERS = ("ACME", "Bank")
DIRECTIONS: tuple[Literal["req"], Literal["res"]] = ("req", "res")


def context(partner: str) -> dict[str, str]:
    """What the content of a partner's messages is sealed under; principal and direction are added."""
    return {"purpose": "payments", "partner": partner}


def passphrase() -> str:
    return os.environ["PAYMENTS_PASSPHRASE"]


def main(folder: Path) -> None:
    root = Key.generate("signing", purpose="sig")
    signing = [root]
    for partner in PARTNERS:
        for direction in DIRECTIONS:
            key = Key.derived(f"{partner}-{direction}", root, {"partner": partner, "dir": direction})
            signing.append(key.replace(principal=partner, direction=direction))
    rings = {
        "service/signing": Keyring(signing),
        "service/fields": Keyring([Key.generate("fields")], primary=["fields"]),
        "service/storage": Keyring([Key.generate("storage")], primary=["storage"]),
    }
    fields = rings["service/fields"]
    for partner in PARTNERS:
        own = [
            rings["service/signing"].export_context(f"{partner}-{direction}", {"partner": partner, "dir": direction})
            for direction in DIRECTIONS
        ]
        rings[f"{partner}/signing"] = Keyring(own)
        for direction in DIRECTIONS:
            key = fields.export_message_context("fields", context(partner), partner, direction)
            rings[f"{partner}/fields-{direction}"] = Keyring([key], primary=["fields"])
    for name, ring in rings.items():
        path = folder / f"{name}.json"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        ring.save(path, path.stem, passphrase=passphrase())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
