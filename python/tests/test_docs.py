"""The code of README.md and docs/python.md runs, from top to bottom of each page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_code_of_the_page_runs(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert blocks
    # Lines keep their numbers, so that a failure tells where it is.
    code = ""
    for block in blocks:
        code += "\n" * (text[: text.index(block)].count("\n") - code.count("\n")) + block
    exec(compile(code, page, "exec"), {})  # noqa: S102 - the pages are ours
