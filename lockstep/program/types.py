"""What type a node's values have."""

from __future__ import annotations

from lockstep.program.instructions import INSTRUCTIONS
from lockstep.program.tree import Function, Node, Program, Type

_FIXED: dict[str, tuple[Type, ...]] = {
    **{f"{type_}.const": (type_,) for type_ in ("i32", "i64", "f32", "f64", "v128")},
    "memory.size": ("i32",),
    "memory.grow": ("i32",),
    "table.get": ("funcref",),
    "table.size": ("i32",),
    "table.grow": ("i32",),
    "ref.null": ("funcref",),
    "ref.func": ("funcref",),
    "ref.is_null": ("i32",),
}


def results(program: Program, function: Function, node: Node) -> tuple[Type, ...]:
    """The types that `node`, somewhere in `function`, gives; none after which nothing runs."""
    op = node.op
    if op in INSTRUCTIONS:
        return INSTRUCTIONS[op].gives
    if op in _FIXED:
        return _FIXED[op]
    match op:
        case "local.get" | "local.tee":
            return ((*function.parameters, *function.locals)[node.at[0]],)
        case "global.get":
            return (program.globals[node.at[0]].type,)
        case "select":
            return node.types or results(program, function, node.kids[0])
        case "block" | "loop" | "if":
            return node.types
        case "br_if":
            return tuple(t for kid in node.kids[:-1] for t in results(program, function, kid))
        case "call":
            return program.functions[node.at[0]].results
        case "call_indirect":
            return program.signatures[node.at[0]].results
        case _:
            return ()
