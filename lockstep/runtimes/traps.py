"""How each engine words a trap, and which kinds its words cannot tell apart.

The kinds are those of the specification's test suite. Texts are read in the order of the rows; the
text of a guest's exit code that no process can have is our hosts' own.
"""

from __future__ import annotations

from typing import Final

from lockstep.runtimes.model import Traps

UNREACHABLE: Final = "unreachable"
DIVIDE: Final = "integer divide by zero"
OVERFLOW: Final = "integer overflow"
CONVERSION: Final = "invalid conversion to integer"
MEMORY: Final = "out of bounds memory access"
TABLE: Final = "out of bounds table access"
UNDEFINED: Final = "undefined element"
UNINITIALIZED: Final = "uninitialized element"
SIGNATURE: Final = "indirect call type mismatch"
STACK: Final = "stack exhausted"
EXIT_CODE: Final = "exit code out of range"

KINDS: Final = frozenset(
    {
        UNREACHABLE,
        DIVIDE,
        OVERFLOW,
        CONVERSION,
        MEMORY,
        TABLE,
        UNDEFINED,
        UNINITIALIZED,
        SIGNATURE,
        STACK,
        EXIT_CODE,
    }
)


def _rows(*rows: tuple[str, str | tuple[str, ...]]) -> Traps:
    exit_code = (r"exit code -?\d+ is not in 0\.\.125", frozenset({EXIT_CODE}))
    pairs = [(text, (kinds,) if isinstance(kinds, str) else kinds) for text, kinds in rows]
    return (exit_code, *((text, frozenset(kinds)) for text, kinds in pairs))


WASMTIME = _rows(
    (r"unreachable", UNREACHABLE),
    (r"divide by zero", DIVIDE),
    (r"integer overflow", OVERFLOW),
    (r"invalid conversion to integer", CONVERSION),
    (r"out of bounds memory access", MEMORY),
    (r"out of bounds table access", (UNDEFINED, TABLE)),
    (r"uninitialized element", UNINITIALIZED),
    (r"indirect call type mismatch", SIGNATURE),
    (r"stack exhausted", STACK),
)

WASMER = WASMTIME

WASM3 = _rows(
    (r"unreachable executed", UNREACHABLE),
    (r"integer divide by zero", DIVIDE),
    (r"integer overflow", OVERFLOW),
    (r"invalid conversion to integer", CONVERSION),
    (r"out of bounds memory access", MEMORY),
    (r"null table element", UNINITIALIZED),
    (r"undefined element", (UNDEFINED, UNINITIALIZED)),
    (r"indirect call type mismatch", SIGNATURE),
    (r"stack overflow", STACK),
)

V8 = _rows(
    (r"^unreachable", UNREACHABLE),
    (r"(divide|remainder) by zero", DIVIDE),
    (r"divide result unrepresentable", OVERFLOW),
    (r"float unrepresentable in integer range", (OVERFLOW, CONVERSION)),
    (r"memory access out of bounds|data segment", MEMORY),
    (r"table index is out of bounds|table access out of bounds", (UNDEFINED, TABLE)),
    (r"null function or function signature mismatch", (UNINITIALIZED, SIGNATURE)),
    (r"call stack", STACK),
)

# pywasm traps by an `assert` without a text; its host adds the line of source that raised.
PYWASM = _rows(
    (r"at `assert 0`", UNREACHABLE),
    (r"ZeroDivisionError", DIVIDE),
    (r"assert a != self\.min or b != -1|OverflowError", OVERFLOW),
    (r"NaN to integer", CONVERSION),
    (r"len\(mems\.data\)|len\(data\.data\)", MEMORY),
    (r"into_u32\(\)\]\.into_ref", UNDEFINED),
    (r"tabl\.elem|len\(elem\.data\)", (UNDEFINED, TABLE)),
    (r"assert self\.data\[4\] == 0x01", UNINITIALIZED),
    (r"\.type == type`", SIGNATURE),
    (r"len\(self\.stack\.frame\) < 1024", STACK),
)

COMMON = _rows(
    (r"unreachable", UNREACHABLE),
    (r"(divide|division|remainder) by zero", DIVIDE),
    (r"integer overflow|divide result unrepresentable", OVERFLOW),
    (r"invalid conversion to integer", CONVERSION),
    (r"unrepresentable in integer range", (OVERFLOW, CONVERSION)),
    (r"(?i)out[- ]of[- ]bounds memory|memory (access )?out[- ]of[- ]bounds", MEMORY),
    (
        r"(?i)undefined element|out[- ]of[- ]bounds table|table .*out[- ]of[- ]bounds",
        (UNDEFINED, TABLE),
    ),
    (r"uninitialized element", (UNINITIALIZED, UNDEFINED)),
    (r"null function or function signature", (UNINITIALIZED, SIGNATURE)),
    (r"(type|signature) mismatch", SIGNATURE),
    (r"stack (exhausted|overflow)|call stack", STACK),
)
"""The usual words, for a runtime of the user's own that says nothing better."""

SPECIFIED = _rows(
    (r"unreachable", UNREACHABLE),
    (r"integer divide by zero", DIVIDE),
    (r"integer overflow", OVERFLOW),
    (r"invalid conversion to integer", CONVERSION),
    (r"out of bounds memory access|data segment out of bounds", MEMORY),
    (r"uninitialized element", UNINITIALIZED),
    (r"undefined element: out of bounds table access", (UNDEFINED, TABLE)),  # one text for both
    (r"undefined element", UNDEFINED),
    (r"out of bounds table access", TABLE),
    (r"indirect call type mismatch", SIGNATURE),
    (r"stack (exhausted|overflow)", STACK),
)
"""What the specification's own tests say; where a text says two kinds, the first row wins."""

STITCH = _rows(
    (r"^unreachable", UNREACHABLE),
    (r"integer divide by zero", DIVIDE),
    (r"integer overflow", OVERFLOW),
    (r"invalid conversion to integer", CONVERSION),
    (r"memory access out of bounds", MEMORY),
    (r"table access out of bounds", (UNDEFINED, TABLE)),
    (r"element uninitialized", UNINITIALIZED),
    (r"^type mismatch", SIGNATURE),
    (r"stack overflow", STACK),
)

WAIN = _rows(
    (r"reached unreachable code", UNREACHABLE),
    (r"reminder with zero divisor", DIVIDE),
    (r"integer overflow or attempt to divide integer by zero", (DIVIDE, OVERFLOW)),
    (r"cannot represent destination type", (CONVERSION, OVERFLOW)),
    (r"out of range of memory|'data' segment|specified data element", MEMORY),
    (r"'elem' segment|specified (table|elem)", TABLE),
    (r"in table is uninitialized", UNINITIALIZED),
    (r"out of table size", UNDEFINED),
    (r"mismatch of function signature", SIGNATURE),
    (r"call stack exhausted", STACK),
)

SPACEWASM = _rows(
    (r"Trap\(Unreachable\)", UNREACHABLE),
    (r"Trap\(DivideByZero\)", DIVIDE),
    (r"Trap\((IntegerOverflow|UnrepresentableResult)\)", OVERFLOW),
    (r"Trap\(BadConversionToInteger\)", CONVERSION),
    (r"Trap\(MemoryOutOfBounds\)", MEMORY),
    (r"Trap\(InvalidTableIndex\)", UNDEFINED),
    (r"Trap\(UninitializedTableElement\)", UNINITIALIZED),
    (r"Trap\(InvalidTableFunctionType\)", SIGNATURE),
    (r"StackOverflow", STACK),
)

TOYWASM = _rows(
    (r"^unreachable at", UNREACHABLE),
    (r"division by zero", DIVIDE),
    (r"integer overflow|too (big|small) for the type", OVERFLOW),
    (r"can't represent nan", CONVERSION),
    (r"invalid memory access|out of bounds data access", MEMORY),
    (r"out of bounds (table|element) access", TABLE),
    (r"null funcref", UNINITIALIZED),
    (r"table idx out of range", UNDEFINED),
    (r"functype mismatch", SIGNATURE),
    (r"too many (frames|values on the operand stack)", STACK),
)

WAZERO = _rows(
    (r"unreachable", UNREACHABLE),
    (r"integer divide by zero", DIVIDE),
    (r"integer overflow", OVERFLOW),
    (r"invalid conversion to integer", CONVERSION),
    (r"out of bounds memory access", MEMORY),
    (r"invalid table access", (UNDEFINED, UNINITIALIZED, TABLE)),
    (r"indirect call type mismatch", SIGNATURE),
    (r"stack overflow", STACK),
)

JSC = _rows(
    (r"Unreachable code should not be executed", UNREACHABLE),
    (r"Division by zero", DIVIDE),
    (r"Integer overflow", OVERFLOW),
    (r"Out of bounds Trunc operation", (OVERFLOW, CONVERSION)),
    (r"Out of bounds memory access|Invalid data segment", MEMORY),
    (r"Out of bounds call_indirect", UNDEFINED),
    (r"Out of bounds table access|out of bounds table index", TABLE),
    (r"call_indirect to a null", UNINITIALIZED),
    (r"call_indirect to a signature that does not match", (UNINITIALIZED, SIGNATURE)),
    (r"call stack", STACK),
)

SPIDERMONKEY = _rows(
    (r"unreachable executed", UNREACHABLE),
    (r"integer divide by zero", DIVIDE),
    (r"integer overflow", OVERFLOW),
    (r"invalid conversion to integer", CONVERSION),
    (r"table index out of bounds", TABLE),
    (r"index out of bounds", (MEMORY, UNDEFINED, TABLE)),
    (r"indirect call to null", UNINITIALIZED),
    (r"indirect call signature mismatch", SIGNATURE),
    (r"too much recursion", STACK),
)

GRAALWASM = _rows(
    (r"^unreachable", UNREACHABLE),
    (r"integer divide by zero", DIVIDE),
    (r"integer overflow", OVERFLOW),
    (r"invalid conversion to integer", CONVERSION),
    (r"memory access at address .* out-of-bounds", MEMORY),
    (r"out of bounds table access", TABLE),
    (r"out of table bounds", UNDEFINED),
    (r"is uninitialized", UNINITIALIZED),
    (r"types differ in the indirect call", SIGNATURE),
    (r"call stack exhausted", STACK),
)

WASM2C = _rows(
    (r"Unreachable instruction", UNREACHABLE),
    (r"Integer divide by zero", DIVIDE),
    (r"Integer overflow", OVERFLOW),
    (r"Conversion from NaN", CONVERSION),
    (r"Out-of-bounds access in linear memory or a table", (MEMORY, TABLE)),
    (r"Invalid call_indirect", (UNDEFINED, UNINITIALIZED, SIGNATURE)),
    (r"Call stack exhausted", STACK),
)

PPCI = _rows(
    (r"^unreachable", UNREACHABLE),
    (r"ZeroDivisionError", DIVIDE),
    (r"NameError|cannot convert float", (CONVERSION, OVERFLOW)),
    (r"AssertionError\('0x|data out of range", MEMORY),
    (r"list index out of range", UNDEFINED),
    (r"positional argument", SIGNATURE),
    (r"RecursionError", (STACK, UNINITIALIZED)),
)
