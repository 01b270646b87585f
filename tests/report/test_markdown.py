"""What strangers wrote cannot get out of where it stands in a report."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from lockstep.report.markdown import code, fence, prose

HOSTILE = (
    "```\n# out",
    "````sh\nrm -rf ~\n````",
    "`one` ``two`` ```three```",
    "` ",
    "<img src=x onerror=alert(1)>",
    "<!-- ",
    "&lt;script&gt;",
    "[a](https://example.org) ![b](c)",
    "**bold** _it_ ~~gone~~ $x$",
    "@somebody #1 owner/repo#2",
    "a\rb\u2028c\x1b[31m",
    "\\`x\\`",
    "| a | b |",
    "",
)


def rendered(text: str) -> str:
    return MarkdownIt("gfm-like", {"linkify": False}).render(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_fence_holds_all_of_it(text: str) -> None:
    page = rendered("\n".join(["before", "", *fence(text, "sh"), "", "behind"]))
    assert page.startswith("<p>before</p>\n<pre>")
    assert page.endswith("</pre>\n<p>behind</p>\n")
    assert page.count("<pre>") == page.count("<code") == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_a_code_span_holds_all_of_it(text: str) -> None:
    page = rendered(f"before {code(text)} behind")
    assert page.startswith("<p>before <code>")
    assert page.endswith("</code> behind</p>\n")
    assert page.count("<") == 4


@pytest.mark.parametrize("text", HOSTILE)
def test_prose_has_no_markup(text: str) -> None:
    page = rendered(f"- before {prose(text)} behind")
    assert page.startswith("<ul>\n<li>before ")
    assert page.endswith("behind</li>\n</ul>\n")
    assert page.count("<") == 4


def test_prose_calls_nobody_and_leads_nowhere() -> None:
    shown = prose("@somebody #1 https://example.org www.example.org")
    assert "@" not in shown.replace("&#64;", "")
    assert "#1" not in shown
    assert "://" not in shown
    assert "www." not in shown


def test_plain_words_stay_as_they_are() -> None:
    words = "memory.grow(-1) answers 63, the old size: it wraps around at 2^32"
    assert prose(words) == words
    assert code(words) == f"`{words}`"
