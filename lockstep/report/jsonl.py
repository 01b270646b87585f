"""`--report jsonl:PATH`: one JSON object a line, written as it happens."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import msgspec

from lockstep.campaign.news import News
from lockstep.files import writing


class JsonLines:
    """A consumer of news that appends to `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb")

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with writing(self.path):
            self._file.close()

    def tell(self, news: News) -> None:
        """Write one line; what was told is on disk when this returns."""
        with writing(self.path):
            self._file.write(msgspec.json.encode(news) + b"\n")
            self._file.flush()
