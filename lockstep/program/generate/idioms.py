"""Idioms: a few instructions that compilers know as one, with operands and numbers that fit.

An idiom is a row: how often it comes up (1 where nothing is said), its type, its tree. `T` stands
for i32 or i64, `F` for f32 or f64, `V` for the shape of a vector of integers; of `one|other` one is
drawn. Small letters stand for

    k       the number of a shift, often at its edges; q is what is left of the width, or near it
    n       a mask of low bits, one bit, or the complement of these
    d       any constant
    z       0, and m is -1
    others  operands of whatever type is wanted there; the same letter for the same value
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lockstep.program.generate import values
from lockstep.program.generate.scope import Scope
from lockstep.program.instructions import INSTRUCTIONS, Instruction
from lockstep.program.notation import Item, items
from lockstep.program.tree import Node, Type
from lockstep.scenario.choices import Choices

IDIOMS = """
2 T (T.or (T.shl a k) (T.shr_u b q))
2 T (T.or (T.shr_u a k) (T.shl b q))
T (T.or|xor|add|and|sub (T.shl a k) (T.shr_u|shr_s b q))
T (T.or|xor|add|and|sub (T.shr_u|shr_s a k) (T.shl b q))
T (T.or|xor|add (T.shl a k) (T.shr_u a q))
T (T.or|and|xor|add (T.rotl|rotr|shl|shr_u|shr_s a k) (T.rotl|rotr|shl|shr_u|shr_s b k))
T (T.or (T.shl a b) (T.shr_u a|c (T.sub d b)))
T (T.rotl|rotr (T.rotl|rotr a k) q|k)
T (T.shr_u|shr_s (T.shl a k) k)
T (T.shl (T.shr_u|shr_s a k) k)
T (T.shl|shr_u|shr_s (T.shl|shr_u|shr_s a k) k|q)
T (T.and (T.shl|shr_u|shr_s a k) n)
T (T.shl|shr_u|shr_s (T.and a n) k)
T (T.shl|shr_u|shr_s|rotl|rotr a (T.and|add|sub b n|k))
T (T.or (T.and a n) (T.and b (T.xor n m)))
T (T.add|sub a (T.shl b k))
T (T.add (T.add a (T.shl b k)) d)
T (T.add|sub|mul|and|or|xor (T.add|sub|mul|and|or|xor a d) d)
T (T.add|sub|and|or|xor a a)
T (T.sub z a)
T (T.xor a m)
T (T.and|or|xor a (T.xor b m))
T (T.and|or|xor a (T.add|sub a m))
T (T.and|or|xor a (T.sub z a))
T (T.mul|div_u|rem_u a n)
T (T.add|sub (T.mul a b) c)
T (T.sub|add (T.xor a (T.shr_s a k)) (T.shr_s a k))
T (select a b (T.lt_s|gt_s|le_u|ge_u a b))
T (select a|z b|m (T.eq|ne (T.and c n) z))
T (select (T.sub z a) a (T.lt_s a z))
T (select a (T.add|sub|and|or|xor|shl a b) (T.eqz b))
T (T.clz|ctz|popcnt (T.and|or|xor|sub|shl|shr_u a b))
i32 (T.eqz (T.and|or|xor|sub a b|n))
i32 (T.eq|ne|lt_s|gt_u (T.and a n) z|n)
i32 (T.eq|ne|lt_s|lt_u|ge_s|ge_u a z|d)
i32 (T.lt_u|gt_u (T.add|sub a b) a)
i32 (T.eq|ne (T.shl|shr_u|shr_s a k) (T.shl|shr_u|shr_s b k))
i32 (i32.eqz (T.eqz a))
i32 (i32.and|or|xor (T.lt_s|lt_u|eq a b|d) (T.gt_s|ge_u|ne a c|d))
i32 (i32.eqz (F.eq|lt|ge a b))
i32 (i32.and|or (F.lt|le a b) (F.gt|ne a b))
i32 (i32.wrap_i64 (i64.mul|add|shr_u|shr_s|and|or a d))
i32 (i32.wrap_i64 (i64.extend_i32_s|extend_i32_u a))
i64 (i64.mul (i64.extend_i32_s|extend_i32_u a) (i64.extend_i32_s|extend_i32_u b))
i64 (i64.shr_u (i64.mul (i64.extend_i32_u a) (i64.extend_i32_u b)) k)
i64 (i64.extend_i32_s|extend_i32_u (i32.wrap_i64 a))
i64 (i64.extend_i32_s|extend_i32_u (i32.add|shl|shr_s|shr_u|and|or a b))
i64 (i64.extend_i32_s|extend_i32_u (select a b c))
i64 (i64.or (i64.extend_i32_u a) (i64.shl (i64.extend_i32_u b) k))
F (select a b (F.lt|gt|le|ge a b))
F (select a b (F.eq|ne a a))
F (F.neg|abs (F.mul|sub|copysign|min a b))
F (F.neg|abs (F.neg|abs a))
F (F.add|sub (F.mul a b) c)
F (F.min|max (F.min|max a b) c)
F (F.copysign a (F.neg b))
F (F.sqrt (F.mul a a))
f32 (f32.demote_f64 (f64.promote_f32 a))
f64 (f64.promote_f32 (select a b c))
v128 (v128.and|or|xor a (v128.not b))
v128 (v128.not (v128.and|or|xor a b))
v128 (v128.bitselect a b (V.eq|lt_s|gt_s a b))
v128 (v128.xor|and|or|andnot a a)
v128 (V.add|sub (V.shl|shr_u|shr_s a k) b)
v128 (v128.or (V.shl a k) (V.shr_u b q))
v128 (V.shl|shr_u|shr_s (V.shl|shr_u|shr_s a k) k)
v128 (V.neg (V.abs|neg a))
v128 (V.sub (V.add|sub a b) a)
v128 (v128.not (V.eq|ne a b))
v128 (select a b (V.all_true c))
i32 (i32.eqz (v128.any_true (v128.and|xor a b)))
i32 (V.all_true (V.eq|ne|lt_s a b))
i32 (V.bitmask (v128.not a))
"""
CONSTANTS = "kqndzm"
FAMILIES: dict[str, tuple[str, ...]] = {
    "T": ("i32", "i64"),
    "F": ("f32", "f64"),
    "V": ("i8x16", "i16x8", "i32x4", "i64x2"),
}
BITS = {"i32": 32, "i64": 64, "i8x16": 8, "i16x8": 16, "i32x4": 32, "i64x2": 64}

Operand = Callable[[Type], Node]
Compose = Callable[[Instruction, list[Node]], Node]


def _read() -> dict[str, list[tuple[str, Item]]]:
    """The idioms by the type that they give."""
    found: dict[str, list[tuple[str, Item]]] = {}
    for line in IDIOMS.split("\n")[1:-1]:
        *weight, type_, tree = items(line)
        row = str(type_), tree
        for each in FAMILIES.get(row[0], (row[0],)):
            found.setdefault(each, []).extend([row] * int(str(weight[0]) if weight else 1))
    return found


_BY_TYPE = _read()


def idiom(scope: Scope, type_: Type, operand: Operand, compose: Compose) -> Node | None:
    """An idiom that gives `type_`, its operands made by `operand`, its nodes by `compose`.

    None where the drawn one needs vectors that the program does not have.
    """
    family, tree = scope.choices.pick(_BY_TYPE[type_])
    words = list(_words(tree))
    vector = any(word.startswith(("V.", "v128.")) for word in words)
    if vector and "v128" not in scope.world.by_type:
        return None
    shapes = {name: scope.choices.pick(found) for name, found in FAMILIES.items()}
    shapes[family] = type_
    width = BITS[shapes["V" if vector else "T"]]
    return _Drawing(scope, shapes, width, words, operand, compose).node(tree, type_)


def _words(tree: Item) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
        return
    for item in tree:
        yield from _words(item)


class _Drawing:
    """One idiom as it becomes nodes; `words` are those of its tree."""

    def __init__(
        self,
        scope: Scope,
        shapes: dict[str, str],
        width: int,
        words: Sequence[str],
        operand: Operand,
        compose: Compose,
    ) -> None:
        self._scope, self._shapes, self._width, self._words = scope, shapes, width, words
        self._operand, self._compose = operand, compose
        self._shift = _shift(scope.choices, width)
        self._values: dict[tuple[str, Type], Node] = {}

    def node(self, tree: Item, type_: Type) -> Node:
        """What stands in `tree`, where `type_` is wanted."""
        if isinstance(tree, str):
            letter = self._scope.choices.pick(tree.split("|"))
            return (
                self._constant(letter, type_) if letter in CONSTANTS else self._value(letter, type_)
            )
        names, *rest = tree
        if names == "select":
            kids = [self.node(kid, t) for kid, t in zip(rest, (type_, type_, "i32"), strict=True)]
            return Node("select", tuple(kids))
        shape, _, choice = str(names).partition(".")
        name = self._scope.choices.pick(choice.split("|"))
        row = INSTRUCTIONS[f"{self._shapes.get(shape, shape)}.{name}"]
        # An alternative may take fewer operands than another one.
        pairs = zip(rest, row.takes, strict=False)
        return self._compose(row, [self.node(kid, wanted) for kid, wanted in pairs])

    def _value(self, letter: str, type_: Type) -> Node:
        """An operand; one that comes up again is kept in a local."""
        if (letter, type_) in self._values:
            return self._values[letter, type_]
        node = self._operand(type_)
        if sum(letter in word.split("|") for word in self._words) == 1:
            return node
        again = node
        if node.op != "local.get" and not node.op.endswith(".const"):
            local = self._scope.local(type_, fixed=True)
            node = Node("local.tee", (self._scope.clean(node, type_),), (local,))
            again = Node("local.get", (), (local,))
        self._values[letter, type_] = again
        return node

    def _constant(self, letter: str, type_: Type) -> Node:
        choices, width = self._scope.choices, values.WIDTHS[type_]
        match letter:
            case "k":
                bits = self._shift
            case "q":
                near = self._width - self._shift
                bits = near if choices.chance(3, 4) else choices.pick((near + 1, near - 1, 0))
            case "n":
                bits = _mask(choices, width)
            case "d":
                bits = values.value(choices, type_)
            case _:
                bits = 0 if letter == "z" else -1
        return Node(f"{type_}.const", (), (bits & (1 << width) - 1,))


def _shift(choices: Choices, width: int) -> int:
    """The number of a shift: the edges, whole bytes, or any."""
    edges = (0, 0, width, width, 1, width - 1, width // 2, 8)
    return choices.pick(edges) if choices.chance(3, 4) else choices.integer(0, width)


def _mask(choices: Choices, width: int) -> int:
    """Low bits, or one bit; sometimes all the others."""
    low = 1 << choices.pick((0, 1, 5, 6, 8, 16, choices.integer(0, width - 1)))
    bits = choices.pick((low - 1, low - 1, low))
    return ~bits if choices.chance(1, 4) else bits
