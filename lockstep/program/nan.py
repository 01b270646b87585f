"""Which bits a NaN has is open until it is made canonical: where that matters, and how it is done.

Arithmetic may give a NaN of any sign and payload (WebAssembly Core Specification 2.0, section
4.3.3). Such a value may go on into arithmetic, comparisons and conversions of the same shape;
before its bits can be seen (a store, a reinterpretation, a local, a call, a result) it is made the
canonical NaN:

    (select (local.tee t X) (f64.const nan) (f64.eq (local.get t) (local.get t)))
    (v128.bitselect (local.tee t X) (v128.const nan ..) (f32x4.eq (local.get t) (local.get t)))
"""

from __future__ import annotations

from lockstep.program.tree import Bits, Function, Node, Type, walk

SHAPES = ("f32", "f64", "f32x4", "f64x2")
_ARITHMETIC = (
    "add",
    "sub",
    "mul",
    "div",
    "sqrt",
    "min",
    "max",
    "ceil",
    "floor",
    "trunc",
    "nearest",
)
_KEEPING = ("abs", "neg", "pmin", "pmax")
_COMPARING = ("eq", "ne", "lt", "gt", "le", "ge")
_CANONICAL = {
    "f32": 0x7FC00000,
    "f64": 0x7FF8000000000000,
    "f32x4": 0x7FC000007FC000007FC000007FC00000,
    "f64x2": 0x7FF80000000000007FF8000000000000,
}


def _named(names: tuple[str, ...]) -> dict[str, str]:
    return {f"{shape}.{name}": shape for shape in SHAPES for name in names}


MAKES = _named(_ARITHMETIC) | {
    "f32.demote_f64": "f32",
    "f64.promote_f32": "f64",
    "f32x4.demote_f64x2_zero": "f32x4",
    "f64x2.promote_low_f32x4": "f64x2",
}
"""What may give a NaN of any bits, and the shape of it."""

KEEPS = _named(_KEEPING) | {"f32.copysign": "f32", "f64.copysign": "f64"}
"""What gives one only where its first operand, or any for vectors, is one."""

_CONVERTING = {
    "f32x4.demote_f64x2_zero": "f64x2",
    "f64x2.promote_low_f32x4": "f32x4",
    "f32.demote_f64": "f64",
    "f64.promote_f32": "f32",
    **{
        f"{to}.trunc_{how}{shape}_{sign}": shape
        for to in ("i32", "i64")
        for how in ("", "sat_")
        for shape in ("f32", "f64")
        for sign in "su"
    },
    **{f"i32x4.trunc_sat_f32x4_{sign}": "f32x4" for sign in "su"},
    **{f"i32x4.trunc_sat_f64x2_{sign}_zero": "f64x2" for sign in "su"},
}
TAKES = _named((*_ARITHMETIC, *_KEEPING, *_COMPARING)) | KEEPS | _CONVERTING
"""What takes a NaN of any bits, and the shape of its operands."""


def loose(node: Node) -> str:
    """The shape of the NaNs of any bits that `node` may give, empty where it gives none."""
    op = node.op
    if op in MAKES:
        return MAKES[op]
    if op in KEEPS:
        return next(filter(None, map(loose, node.kids)), "")
    if op == "select" and not cleaned(node):
        return loose(node.kids[0]) or loose(node.kids[1])
    return ""


def takes(node: Node, operand: int, shape: str) -> bool:
    """Whether operand number `operand` of `node` may be a NaN of any bits of that shape."""
    if node.op == "select":
        return operand < 2
    if node.op in ("f32.copysign", "f64.copysign"):
        return operand == 0
    return TAKES.get(node.op) == shape or node.op == "drop"


def clean(node: Node, local: int) -> Node:
    """`node` with canonical NaNs; `local`, of its type, is used for nothing else."""
    shape = loose(node)
    if not shape:
        return node
    tee, get = Node("local.tee", (node,), (local,)), Node("local.get", (), (local,))
    same = Node(f"{shape}.eq", (get, get))
    type_: Type = "v128" if "x" in shape else "f32" if shape == "f32" else "f64"
    nan = Node(f"{type_}.const", (), (_CANONICAL[shape],))
    return Node("v128.bitselect" if type_ == "v128" else "select", (tee, nan, same))


def cleaned(node: Node) -> bool:
    """Whether `node` is what `clean` makes."""
    if node.op not in ("select", "v128.bitselect") or node.kids[0].op != "local.tee":
        return False
    tee = node.kids[0]
    return bool(loose(tee.kids[0])) and node == clean(tee.kids[0], tee.at[0])


def exposed(function: Function) -> bool:
    """Whether bits of a NaN may be seen that the specification leaves open."""
    scratch = {node.kids[0].at[0] for top in function.body for node in walk(top) if cleaned(node)}
    last = len(function.body) - len(function.results)
    for at, top in enumerate(function.body):
        if at >= last and loose(top):
            return True
        if _exposed(top, scratch):
            return True
    return False


def is_nan(op: str, bits: Bits) -> bool:
    """Whether `bits`, which `op` gave, hold a NaN that the specification leaves open."""
    shape = MAKES.get(op, "")
    if not shape:
        return False
    width, infinity = (32, 0x7F800000) if shape[:3] == "f32" else (64, 0x7FF0000000000000)
    lanes = (bits >> at & (1 << width) - 1 for at in range(0, 128, width))
    return any(lane & (1 << (width - 1)) - 1 > infinity for lane in lanes)


def _exposed(node: Node, scratch: set[int]) -> bool:
    if cleaned(node):
        return _exposed(node.kids[0].kids[0], scratch)
    if node.op.startswith("local.") and node.at[0] in scratch:
        return True
    for at, kid in enumerate(node.kids):
        shape = loose(kid)
        if shape and not takes(node, at, shape):
            return True
        if _exposed(kid, scratch):
            return True
    return False
