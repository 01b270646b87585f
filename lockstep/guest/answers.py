"""What a sealed guest answers itself: the functions of WASI that it may not import, as code.

Sources: WASI preview 1 (signatures, errno, the layout of subscriptions), WebAssembly Core
Specification 2.0, section 5.4 (opcodes).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from lockstep.guest.wasm import binary

CLOCK_START_NS: Final = 1_000_000_000
RANDOM_SEED: Final = 0x1E3779B97F4A7C15

_OK = "i32.const 0"
_BAD_DESCRIPTOR = "i32.const 8"
_NONE_OF_ANY = f"""
    local.get 0  i32.const 0  i32.store 0
    local.get 1  i32.const 0  i32.store 0
    {_OK}"""

_ANSWERS: Final = {
    "args_get": _OK,
    "args_sizes_get": _NONE_OF_ANY,
    "environ_get": _OK,
    "environ_sizes_get": _NONE_OF_ANY,
    "sched_yield": _OK,
    # (clock, precision, where): each look takes a microsecond
    "clock_time_get": """
        global.get clock  i64.const 1000  i64.add  global.set clock
        local.get 2  global.get clock  i64.store 0
        i32.const 0""",
    # (where, how many): xorshift, a step a byte
    "random_get": """
        block  loop
            local.get 1  i32.eqz  br_if 1
            global.get random  global.get random  i64.const 13  i64.shl  i64.xor  global.set random
            global.get random  global.get random  i64.const 7  i64.shr_u  i64.xor  global.set random
            global.get random  global.get random  i64.const 17  i64.shl  i64.xor  global.set random
            local.get 0  global.get random  i32.wrap_i64  i32.store8 0
            local.get 0  i32.const 1  i32.add  local.set 0
            local.get 1  i32.const 1  i32.sub  local.set 1
            br 0
        end  end
        i32.const 0""",
    # (subscriptions of 48 bytes, events, how many, where to say how many events there are): one to
    # a clock (byte 8 is 0) is slept, until (byte 40 is odd) or for the time at byte 24
    "poll_oneoff": """
        local.get 3  i32.const 0  i32.store 0
        block  loop
            local.get 2  i32.eqz  br_if 1
            local.get 0  i32.load8_u 8  i32.eqz  if
                local.get 0  i32.load8_u 40  i32.const 1  i32.and  if
                    global.get clock  local.get 0  i64.load 24  i64.lt_u  if
                        local.get 0  i64.load 24  global.set clock
                    end
                else
                    global.get clock  local.get 0  i64.load 24  i64.add  global.set clock
                end
            end
            local.get 0  i32.const 48  i32.add  local.set 0
            local.get 2  i32.const 1  i32.sub  local.set 2
            br 0
        end  end
        i32.const 0""",
}

_CODES: Final = {
    "unreachable": 0x00,
    "block": 0x02,
    "loop": 0x03,
    "if": 0x04,
    "else": 0x05,
    "end": 0x0B,
    "br": 0x0C,
    "br_if": 0x0D,
    "call": 0x10,
    "local.get": 0x20,
    "local.set": 0x21,
    "global.get": 0x23,
    "global.set": 0x24,
    "i64.load": 0x29,
    "i32.load8_u": 0x2D,
    "i32.store": 0x36,
    "i64.store": 0x37,
    "i32.store8": 0x3A,
    "i32.const": 0x41,
    "i64.const": 0x42,
    "i32.eqz": 0x45,
    "i64.lt_u": 0x54,
    "i32.add": 0x6A,
    "i32.sub": 0x6B,
    "i32.and": 0x71,
    "i64.add": 0x7C,
    "i64.xor": 0x85,
    "i64.shl": 0x86,
    "i64.shr_u": 0x88,
    "i32.wrap_i64": 0xA7,
}
_NO_RESULT = b"\x40"
_UNALIGNED = b"\x00"


def answer(name: str, *, answers: bool) -> str:
    """The code for one import; `answers` says whether it gives an i32, an errno.

    What is not known is told that there is no such file.
    """
    return _ANSWERS.get(name, _BAD_DESCRIPTOR) if answers else "unreachable"


def body(text: str, globals_: Mapping[str, int]) -> bytes:
    """A function's body without locals; in `text` a global is named, and a number follows an opcode
    that takes one: an index, a constant, or the offset of a load or store.
    """
    words = iter(text.split())
    return b"\0" + b"".join(_instruction(word, words, globals_) for word in words) + b"\x0b"


def _instruction(name: str, words: Iterator[str], globals_: Mapping[str, int]) -> bytes:
    code = bytes([_CODES[name]])
    if name in ("block", "loop", "if"):
        return code + _NO_RESULT
    if name.startswith("global."):
        return code + binary.u32(globals_[next(words)])
    if name in ("br", "br_if", "call") or name.startswith("local."):
        return code + binary.u32(int(next(words)))
    if name.endswith(".const"):
        return code + binary.signed(int(next(words)))
    if ".load" in name or ".store" in name:
        return code + _UNALIGNED + binary.u32(int(next(words)))
    return code
