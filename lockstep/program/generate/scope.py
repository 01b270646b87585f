"""A function in the making: what it can name, and what its callers must give it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from lockstep.program.addresses import Chain, chain
from lockstep.program.application import WINDOW, WINDOW_BYTES
from lockstep.program.generate import values
from lockstep.program.instructions import INSTRUCTIONS, Instruction
from lockstep.program.nan import clean
from lockstep.program.tree import END, Bits, Function, Global, Node, Segment, Signature, Type
from lockstep.scenario.choices import Choices

ROOM_MAX = 48
SPARE = 4
PASSIVE_BYTES = 64


class Address(msgspec.Struct, frozen=True):
    """A parameter that is an address after `chain`, plus `bias`.

    At least `room` bytes of memory follow it, and in most rows exactly so many.
    """

    chain: Chain
    bias: int
    room: int

    @property
    def type(self) -> Type:
        """Of the raw value."""
        return self.chain.type

    def raw(self, choices: Choices) -> Bits:
        """A value for a row."""
        multiple = self.chain.multiple
        at = END - self.room - self.bias
        if choices.chance(1, 3):
            spare = min(WINDOW_BYTES - self.room, at) // multiple
            at -= multiple * choices.integer(0, max(0, spare))
        return self.chain.raw(at, choices.integer(0, (1 << 64) - 1))


class Choice(msgspec.Struct, frozen=True):
    """A parameter that is one of these values."""

    of: tuple[Bits, ...]
    type: Type = "i32"

    def raw(self, choices: Choices) -> Bits:
        """A value for a row."""
        return choices.pick(self.of)


class Anything(msgspec.Struct, frozen=True):
    """A parameter of any value."""

    type: Type

    def raw(self, choices: Choices) -> Bits:
        """A value for a row."""
        return values.value(choices, self.type)


Role = Address | Choice | Anything


class Callee(msgspec.Struct, frozen=True):
    """A function that is there already. `cost` is about the number of instructions it runs."""

    index: int
    signature: Signature
    roles: tuple[Role, ...]
    cost: int


class World(msgspec.Struct):
    """What all functions of a program share.

    The first `SPARE` entries of the table are what programs change; `entries` are the functions
    behind them, which calls go through.
    """

    choices: Choices
    features: Collection[str]
    rows: list[Instruction]
    globals: tuple[Global, ...]
    segments: tuple[Segment, ...]
    signatures: list[Signature] = msgspec.field(default_factory=list)
    callees: list[Callee] = msgspec.field(default_factory=list)
    entries: list[int] = msgspec.field(default_factory=list)
    by_type: dict[Type, list[Instruction]] = msgspec.field(default_factory=dict)
    loads: dict[Type, list[Instruction]] = msgspec.field(default_factory=dict)
    stores: list[Instruction] = msgspec.field(default_factory=list)

    def __post_init__(self) -> None:
        for row in self.rows:
            for type_ in row.gives:
                self.by_type.setdefault(type_, []).append(row)
                if row.width:
                    self.loads.setdefault(type_, []).append(row)
            if not row.gives:
                self.stores.append(row)

    @property
    def passive(self) -> int:
        """How many passive segments there are; they are the first ones."""
        return sum(segment.address is None for segment in self.segments)

    def has(self, feature: str) -> bool:
        """Whether the program may use `feature`."""
        return feature in self.features


class Scope:
    """Names and budget of one function.

    `may_trap` leaves out what guards against traps; `watched` puts in looks (`witness.py`).
    """

    def __init__(self, world: World, *, budget: int, may_trap: bool, watched: bool) -> None:
        self.world, self.choices = world, world.choices
        self.budget, self.may_trap, self.watched = budget, may_trap, watched
        self.risked: set[str] = set()  # kinds of trap that may come up already
        self.roles: list[Role] = []
        self.types: list[Type] = []
        self.results: tuple[Type, ...] = ()
        self.fixed: set[int] = set()  # what must keep its value: addresses, counters, scratch
        self.labels = 0
        self.scratch: dict[Type, int] = {}  # a local of each type for making NaNs canonical
        self.open: list[tuple[int, tuple[Type, ...]]] = []  # blocks that can be left, results
        self.kept: set[int] = set()  # locals for values that are looked at before the end
        self.stored: list[tuple[Node, int, int]] = []  # addresses, offsets, widths
        self.cost = 0
        self.weight = 1  # how often the code here runs, by the loops around it

    def parameter(self, role: Role) -> int:
        """A new parameter; all of them come before the first local."""
        self.roles.append(role)
        self.types.append(role.type)
        if not isinstance(role, Anything):
            self.fixed.add(len(self.types) - 1)
        return len(self.types) - 1

    def local(self, type_: Type, *, fixed: bool = False) -> int:
        """A new local."""
        self.types.append(type_)
        if fixed:
            self.fixed.add(len(self.types) - 1)
        return len(self.types) - 1

    def label(self) -> int:
        """A new label."""
        self.labels += 1
        return self.labels

    def readable(self, type_: Type) -> list[int]:
        """Parameters and locals of that type."""
        scratch = self.scratch.values()
        return [i for i, t in enumerate(self.types) if t == type_ and i not in scratch]

    def writable(self, type_: Type) -> list[int]:
        """Those that may change."""
        return [i for i, t in enumerate(self.types) if t == type_ and i not in self.fixed]

    def clean(self, node: Node, type_: Type) -> Node:
        """`node` with canonical NaNs."""
        if type_ not in ("f32", "f64", "v128"):
            return node
        made = clean(node, self.scratch.get(type_, -1))
        if made is node:
            return node
        if type_ not in self.scratch:
            self.scratch[type_] = self.local(type_, fixed=True)
        return clean(node, self.scratch[type_])

    def spend(self, cost: int = 1) -> None:
        """Count a node."""
        self.budget -= 1
        self.cost += cost * self.weight

    def risks(self, kinds: Collection[str], often: int) -> bool:
        """Whether the next instruction may trap in these ways, in `often` of 4 cases.

        Each kind may come up at one place alone: where a trap is missing, none like it follows.
        """
        if not self.may_trap or self.risked.intersection(kinds):
            return False
        found = self.choices.chance(often, 4)
        self.risked.update(kinds if found else ())
        return found

    def address(self) -> Address:
        """A drawn role of an address."""
        choices = self.choices
        path = chain(choices)
        room = choices.pick((1, 2, 4, 8, 16, choices.integer(1, ROOM_MAX)))
        bias = choices.pick((0, 0, 0, 8, WINDOW, END - 64, END - 1024))
        bias = max(0, min(bias, END - room - 64))
        room += -(room + bias) % path.multiple if path.multiple > 1 else 0
        return Address(path, bias, room)

    def finish(self, body: Sequence[Node]) -> Function:
        """The function, its parameters taken from the roles."""
        count = len(self.roles)
        parameters, locals_ = tuple(self.types[:count]), tuple(self.types[count:])
        return Function(parameters, self.results, locals_, tuple(body))


def available(features: Collection[str]) -> list[Instruction]:
    """The instructions of the table that need no other features."""
    return [row for row in INSTRUCTIONS.values() if row.feature in ("", *features)]
