"""The types of the operands of every instruction of a function.

The algorithm is that of the WebAssembly Core Specification 2.0, appendix "Validation Algorithm",
on a module that is valid: it finds types and checks nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lockstep.guest.wasm import Body, FunctionType, Instruction, Module, SectionId, instructions
from lockstep.guest.wasm.binary import Reader
from lockstep.guest.wasm.entries import WALKS
from lockstep.program.instructions import INSTRUCTIONS
from lockstep.program.tree import Type
from tools.mutants.spelling import NAMES, VALUES

Types = tuple[Type, ...]
Effect = tuple[Types, Types]
_I32: Types = ("i32",)
_BULK = ("memory.init", "memory.copy", "memory.fill", "table.init", "table.copy")
_FIXED: dict[str, Effect] = {
    **dict.fromkeys(_BULK, (_I32 * 3, ())),
    "memory.size": ((), _I32),
    "memory.grow": (_I32, _I32),
    "table.get": (_I32, ("funcref",)),
    "table.set": (("i32", "funcref"), ()),
    "table.size": ((), _I32),
    "table.grow": (("funcref", "i32"), _I32),
    "table.fill": (("i32", "funcref", "i32"), ()),
    "ref.null": ((), ("funcref",)),
    "ref.func": ((), ("funcref",)),
    "ref.is_null": (("funcref",), _I32),
}
"""What instructions that are no arithmetic take and give, wherever they stand."""
_CONSTANTS = {f"{kind}.const": kind for kind in VALUES.values()}


class Place(NamedTuple):
    """An instruction in its function; `code` are its bytes, immediates included.

    `takes` and `gives` are the types of what it pops and pushes, `sources` say where what it pops
    comes from: a constant, a local, memory, or elsewhere. Of a branch only the condition or index
    counts, of the values that it takes along nothing is said. `live` is false behind a branch that
    is always taken.
    """

    name: str
    instruction: Instruction
    code: bytes
    takes: Types
    gives: Types
    sources: tuple[str, ...]
    live: bool


class Function(NamedTuple):
    """A function of a module; `number` counts imports too, `locals` hold the parameters first."""

    number: int
    body: Body
    locals: Types
    code: int

    @property
    def name(self) -> str:
        """How it is called in reports."""
        return f"function {self.number}"


class Value(NamedTuple):
    """What lies on the stack."""

    type: Type
    source: str = "other"


class Frame(NamedTuple):
    """A block that is open: what it takes and gives, and the stack below it."""

    parameters: Types
    results: Types
    below: tuple[Value, ...]
    live: bool


class Context:
    """What the functions of a module refer to."""

    def __init__(self, module: Module) -> None:
        self.types = module.types()
        imported = [entry.type for entry in module.imports() if entry.kind == 0]
        self.first = len(imported)
        self.functions = imported + module.functions()
        self.globals = module.entries(SectionId.GLOBAL, _global_type)
        self.bodies = module.bodies()

    def function(self, number: int) -> Function:
        """One of the module's own functions."""
        body = self.bodies[number - self.first]
        reader = Reader(body.data, "module", body.offset)
        types = named(self.signature(number).parameters)
        for _ in range(reader.u32()):
            count = reader.u32()
            types += (VALUES[reader.byte()],) * count
        return Function(number, body, types, reader.offset)

    def signature(self, number: int) -> FunctionType:
        """The type of a function."""
        return self.types[self.functions[number]]


def named(codes: bytes) -> Types:
    """Value types by name."""
    return tuple(VALUES[code] for code in codes)


def places(context: Context, function: Function) -> Iterator[Place]:
    """All instructions of a function."""
    data, start = function.body.data, function.body.offset
    reader = Reader(data, "module", start)
    reader.at = function.code - start
    walk = _Walk(context, function)
    for found in instructions(reader):
        name, live = NAMES[found.opcode], walk.live
        (takes, gives), sources = walk.step(name, found)
        code = data[found.offset - start : reader.at]
        yield Place(name, found, code, takes, gives, sources, live)


class _Walk:
    def __init__(self, context: Context, function: Function) -> None:
        self.context, self.function = context, function
        results = named(context.signature(function.number).results)
        self.stack: list[Value] = []
        self.frames = [Frame(results, results, (), True)]
        self.live = True

    def step(self, name: str, found: Instruction) -> tuple[Effect, tuple[str, ...]]:
        """Go over one instruction; what it took and gave, and where the former came from."""
        if name in ("block", "loop", "if"):
            return self._open(name, found)
        if name in ("else", "end"):
            return self._close(name), ()
        effect = self._effect(name, found)
        sources: tuple[str, ...] = ()
        if self.live:
            sources = self._pop(len(effect[0]))
            self.stack += [Value(type_, _source(name)) for type_ in effect[1]]
        if name in ("br", "br_table", "return", "unreachable") or name.startswith("return_call"):
            self.live = False
        return effect, sources

    def _pop(self, count: int) -> tuple[str, ...]:
        first = len(self.stack) - count
        taken = tuple(value.source for value in self.stack[first:])
        del self.stack[first:]
        return taken

    def _open(self, name: str, found: Instruction) -> tuple[Effect, tuple[str, ...]]:
        takes: Types = _I32 if name == "if" else ()
        parameters, results = self._block_type(found.immediates[0].value)
        sources = self._pop(len(takes)) if self.live else ()
        if self.live:
            self._pop(len(parameters))
        self.frames.append(Frame(parameters, results, tuple(self.stack), self.live))
        self.stack += map(Value, parameters)
        return (takes, ()), sources

    def _block_type(self, value: int) -> Effect:
        if value == -64:
            return (), ()
        if value < 0:
            return (), (VALUES[value + 128],)
        signature = self.context.types[value]
        return named(signature.parameters), named(signature.results)

    def _close(self, name: str) -> Effect:
        frame = self.frames[-1]
        given = frame.parameters if name == "else" else frame.results
        self.stack = [*frame.below, *map(Value, given)]
        self.live = frame.live
        if name == "end":
            self.frames.pop()
        return (), ()

    def _effect(self, name: str, found: Instruction) -> Effect:
        value = found.immediates[0].value if found.immediates else 0
        if name in INSTRUCTIONS:
            row = INSTRUCTIONS[name]
            return row.takes, row.gives
        if name in _FIXED:
            return _FIXED[name]
        if name.endswith(".const"):
            return (), (_CONSTANTS[name],)
        if name.startswith(("local.", "global.")):
            return self._variable(name, value)
        if "call" in name:
            return self._call(name, value)
        if name in ("select", "select t", "drop"):
            return self._untyped(name)
        return (_I32, ()) if name in ("br_if", "br_table") else ((), ())

    def _variable(self, name: str, index: int) -> Effect:
        space = self.function.locals if name.startswith("local") else self.context.globals
        kind = (space[index],)
        return {"get": ((), kind), "set": (kind, ()), "tee": (kind, kind)}[name.split(".")[1]]

    def _call(self, name: str, value: int) -> Effect:
        indirect = name.endswith("indirect")
        signature = self.context.types[value if indirect else self.context.functions[value]]
        takes = named(signature.parameters) + (_I32 if indirect else ())
        return takes, named(signature.results)

    def _untyped(self, name: str) -> Effect:
        if not self.live:
            return (), ()
        if name == "drop":
            return (self.stack[-1].type,), ()
        kind = self.stack[-2].type
        return (kind, kind, "i32"), (kind,)


def _global_type(reader: Reader) -> Type:
    kind = reader.data[reader.at]
    for _ in WALKS[SectionId.GLOBAL](reader):
        pass
    return VALUES[kind]


def _source(name: str) -> str:
    """What an instruction is as an operand of another."""
    if name.endswith(".const"):
        return "constant"
    if name.startswith("local."):
        return "local"
    return "memory" if ".load" in name else "other"
