"""What most tests of HotStuff ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hotstuff_network import Guest
from hotstuff_scene import Scene

from lockstep.guest.build import build


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    """A build with safety checks on: it also checks each state hash against one from scratch."""
    guest = Guest(build("hotstuff", mode="ReleaseSafe", native=True))
    yield guest
    guest.close()


@pytest.fixture
def scene(guest: Guest) -> Scene:
    """Four replicas; replica 3 is about to be heard by node 0."""
    return Scene(guest)
