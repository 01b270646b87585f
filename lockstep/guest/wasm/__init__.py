"""Just enough of the WebAssembly binary format to audit a guest and to graft a program into it."""

from lockstep.guest.wasm.declarations import Body, Export, External, FunctionType, Import, Limits
from lockstep.guest.wasm.features import features
from lockstep.guest.wasm.module import MODULE_BYTES_MAX, Module, Section, SectionId, read_file
from lockstep.guest.wasm.opcodes import Immediate, Instruction, Kind, instructions

__all__ = [
    "MODULE_BYTES_MAX",
    "Body",
    "Export",
    "External",
    "FunctionType",
    "Immediate",
    "Import",
    "Instruction",
    "Kind",
    "Limits",
    "Module",
    "Section",
    "SectionId",
    "features",
    "instructions",
    "read_file",
]
