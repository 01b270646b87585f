"""Numbers and names of the WebAssembly binary format, read with errors that say where.

Whatever the bytes are, only `GuestError` comes out, and nothing larger than the bytes is made.
"""

from __future__ import annotations

from pathlib import Path

from lockstep.errors import GuestError


class Reader:
    """A place in `data`, which lies at byte `base` of the module at `path`."""

    __slots__ = ("at", "base", "data", "path")

    def __init__(self, data: bytes, path: Path | str, base: int = 0) -> None:
        self.data, self.path, self.base, self.at = data, path, base, 0

    @property
    def offset(self) -> int:
        """Where in the module the next byte lies."""
        return self.base + self.at

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self.at >= len(self.data)

    def fault(self, message: str, offset: int | None = None) -> GuestError:
        """An error that names the place: `offset`, or where the reader is."""
        place = self.offset if offset is None else offset
        return GuestError(self.path, f"{message} at byte {place}")

    def byte(self) -> int:
        """The next byte."""
        try:
            value = self.data[self.at]
        except IndexError:
            raise self.fault("the module ends too early") from None
        self.at += 1
        return value

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self.at + size
        if end > len(self.data):
            raise self.fault(
                f"{size} bytes are announced where {len(self.data) - self.at} are left"
            )
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def u32(self) -> int:
        """An unsigned number in LEB128."""
        value, _ = self._leb(32)
        if value >> 32:
            raise self.fault("a number of more than 32 bits", self.offset - 1)
        return value

    def signed(self, bits: int) -> int:
        """A signed number of at most `bits` bits in LEB128."""
        value, given = self._leb(bits)
        value -= value >> (given - 1) << given  # the top bit is the sign
        if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
            raise self.fault(f"a number of more than {bits} bits", self.offset - 1)
        return value

    def _leb(self, bits: int) -> tuple[int, int]:
        """The raw value of as many bytes as `bits` bits may take, and how many bits were given."""
        value = given = 0
        while given < bits:
            byte = self.byte()
            value |= (byte & 127) << given
            given += 7
            if byte < 128:
                return value, given
        raise self.fault(f"a number of more than {bits} bits", self.offset - 1)

    def sized(self) -> bytes:
        """Bytes behind their size."""
        return self.take(self.u32())

    def name(self) -> str:
        """A name: UTF-8 behind its size."""
        start = self.offset
        try:
            return self.sized().decode()
        except UnicodeDecodeError:
            raise self.fault("a name is not UTF-8", start) from None

    def finish(self) -> None:
        """Raise unless everything was read."""
        if not self.done:
            raise self.fault(f"{len(self.data) - self.at} bytes too many")


def u32(value: int) -> bytes:
    """Unsigned LEB128, as short as it can be."""
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def signed(value: int) -> bytes:
    """Signed LEB128, as short as it can be."""
    encoded = bytearray()
    while not -64 <= value < 64:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value & 127)
    return bytes(encoded)


def sized(data: bytes) -> bytes:
    """`data` behind its size."""
    return u32(len(data)) + data
