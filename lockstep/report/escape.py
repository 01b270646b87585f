"""Text of strangers, made harmless before it is shown."""

from __future__ import annotations


def plain(text: str, limit: int = 500) -> str:
    """`text` on one line, control characters as escapes, cut at `limit` characters."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
