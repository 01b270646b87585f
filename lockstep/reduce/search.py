"""The smallest so far, trace or program, and all a pass may do to it: propose a smaller one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")
ConsiderBatch = Callable[[Sequence[T]], Sequence[bool]]

REMEMBERED = 1 << 17
"""How many verdicts are kept, the latest ones: some 20 MB."""


class BudgetSpentError(Exception):
    """No more candidates may be asked about. Never leaves the reducer."""


class Search(Generic[T]):
    """Holds `best`, takes smaller candidates that `consider_batch` says yes to.

    What is taken depends on the order of the candidates and on the answers alone: a batch only
    asks ahead, and of several that would do, the first one is taken. No candidate is asked about
    twice: `name` tells them apart, and `sort_key` says which of two is smaller. Batches grow while
    answers are no: where the next one is likely to be taken, what was asked ahead is lost.
    """

    def __init__(
        self,
        first: T,
        consider_batch: ConsiderBatch[T],
        *,
        sort_key: Callable[[T], Any],
        name: Callable[[T], bytes],
        batch_size: int,
        max_candidates: int,
        stop: Callable[[], bool],
        taken: Callable[[], object],
    ) -> None:
        self.best, self.candidates, self.accepted = first, 0, 0
        self._ask, self._stop, self._taken = consider_batch, stop, taken
        self._batch_size, self._max_candidates = batch_size, max_candidates
        self._sort_key, self._name = sort_key, name
        self._key = sort_key(first)
        self._verdicts: dict[bytes, bool] = {}

    def consider(self, candidate: T) -> bool:
        """Take `candidate` if it is smaller and shows the same; says whether it did."""
        return self.first([candidate]) is not None

    def first(self, candidates: Iterable[T]) -> int | None:
        """Take the first of `candidates` that is smaller and shows the same; gives its index."""
        source, before, size = iter(candidates), 0, 1
        while batch := list(itertools.islice(source, size)):
            index = self._first_of(batch)
            if index is not None:
                return before + index
            before, size = before + len(batch), min(2 * size, self._batch_size)
        return None

    def shows(self, candidate: T) -> bool:
        """Whether `candidate` shows what is wanted, smaller or not."""
        name = self._name(candidate)
        return _known(self._judge({name: candidate}), name)

    def _first_of(self, batch: list[T]) -> int | None:
        smaller = {
            index: (self._name(candidate), candidate)
            for index, candidate in enumerate(batch)
            if self._sort_key(candidate) < self._key
        }
        verdicts = self._judge(dict(smaller.values()))
        for index, (name, candidate) in smaller.items():
            if _known(verdicts, name):
                self._take(candidate)
                return index
        return None

    def _judge(self, batch: dict[bytes, T]) -> dict[bytes, bool]:
        """Verdicts by name; those that the budget does not reach are missing."""
        old = {name: self._verdicts[name] for name in batch if name in self._verdicts}
        room = self._max_candidates - self.candidates
        new = [name for name in batch if name not in old][:room]
        if not new or self._stop():
            return old
        self.candidates += len(new)
        verdicts = dict(zip(new, self._ask([batch[name] for name in new]), strict=True))
        self._remember(verdicts)
        return old | verdicts

    def _remember(self, verdicts: dict[bytes, bool]) -> None:
        self._verdicts.update(verdicts)
        while len(self._verdicts) > REMEMBERED:
            del self._verdicts[next(iter(self._verdicts))]

    def _take(self, candidate: T) -> None:
        self.best, self._key = candidate, self._sort_key(candidate)
        self.accepted += 1
        self._taken()


def _known(verdicts: dict[bytes, bool], name: bytes) -> bool:
    if name not in verdicts:
        raise BudgetSpentError
    return verdicts[name]
