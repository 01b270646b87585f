"""Text of strangers inside Markdown: it can neither end what it stands in nor be taken for markup.

Source: CommonMark 0.31, sections 4.5 (fences), 6.1 (code spans) and 2.4 (backslash escapes).
"""

from __future__ import annotations

import re

from lockstep.report.escape import plain

TEXT_MAX = 2000
_MARKUP = re.compile(r"[\\`*_{}\[\]<>#|~!&@$]")
_ADDRESS = re.compile(r"://|(?<=\bwww)\.", re.IGNORECASE)


def prose(text: str) -> str:
    """`text` on one line, as it reads: no markup, no mention of a person, no link."""
    marked = _MARKUP.sub(lambda found: _marked(found[0]), plain(text, TEXT_MAX))
    return _ADDRESS.sub(lambda found: "".join(f"&#{ord(c)};" for c in found[0]), marked)


def _marked(character: str) -> str:
    # A backslash does not keep GitHub from reading `@name`, `#1`, `<` of HTML and `$` of formulas.
    return f"&#{ord(character)};" if character in "@#<>&$" else f"\\{character}"


def code(text: str) -> str:
    """`text` on one line as a code span, with more backticks around than it has inside."""
    inner = plain(text, TEXT_MAX).replace("|", "¦") or " "
    ticks = "`" * (_longest(inner) + 1)
    pad = " " if inner[0] == "`" or inner[-1] == "`" else ""
    return f"{ticks}{pad}{inner}{pad}{ticks}"


def fence(text: str, language: str = "") -> list[str]:
    """`text` as the lines of a fenced block, behind a fence longer than any inside."""
    lines = [plain(line, TEXT_MAX) for line in text.rstrip("\n").split("\n")]
    ticks = "`" * max(3, _longest("\n".join(lines)) + 1)
    return [f"{ticks}{language}", *lines, ticks]


def _longest(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
