"""The code of docs/python-web.md runs, from top to bottom."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "python-web.md"


def test_code_of_the_page_runs() -> None:
    text = PAGE.read_text(encoding="utf-8")
    blocks = [found for found in re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)]
    assert len(blocks) > 8
    # Lines keep their numbers, so that a failure tells where it is.
    code = ""
    for found in blocks:
        code += "\n" * (text[: found.start(1)].count("\n") - code.count("\n")) + found[1]
    exec(compile(code, str(PAGE), "exec"), {"__name__": "page"})  # noqa: S102 - the page is ours
