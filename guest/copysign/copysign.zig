//! A guest that gives a number the sign of another one, which lies at the very end of memory.
//!
//! A command is f64 number | f64 sign. The second is stored in the last 8 bytes of memory, and
//! `f64.copysign` takes it from there: a compiler that makes the load wider than the 8 bytes
//! traps. It reports the bits of the result.

const std = @import("std");
const sdk = @import("sdk");

pub const main = sdk.Guest(@This()).main;
pub const panic = sdk.panic;

pub const name = "copysign";
pub const version = "1";
pub const max_nodes: u16 = 1;
pub const replicas = [2]u16{ 1, 31 };

pub const Outcome = enum(u16) { positive = 16, negative };

pub const Node = struct { sum: u64 };

const is_wasm = @import("builtin").cpu.arch.isWasm();
const page_size = 64 << 10;

pub fn init(node: *Node, _: sdk.Init, _: *sdk.Out) sdk.Malformed!u16 {
    node.* = .{ .sum = 0 };
    return sdk.ok;
}

pub fn command(node: *Node, _: u64, _: u64, data: []const u8, out: *sdk.Out) u16 {
    if (!is_wasm) return sdk.unsupported;
    if (data.len != 16) return sdk.malformed;
    const number: f64 = @bitCast(std.mem.readInt(u64, data[0..8], .little));
    const last = @wasmMemorySize(0) * page_size - 8;
    @as(*volatile u64, @ptrFromInt(last)).* = std.mem.readInt(u64, data[8..16], .little);
    var signed: f64 = undefined;
    copysignOfLoad(&signed, number, last);
    const result: u64 = @bitCast(signed);
    var answer: [8]u8 = undefined;
    var writer = sdk.Writer.init(&answer);
    writer.int(u64, result);
    out.report(writer.written());
    node.sum +%= result;
    return @intFromEnum(if (result >> 63 == 0) Outcome.positive else Outcome.negative);
}

/// Nothing may come between these instructions: the load is merged into what follows it only where
/// a store follows that.
noinline fn copysignOfLoad(result: *f64, number: f64, sign: usize) void {
    asm volatile (
        \\ local.get %[result]
        \\ local.get %[number]
        \\ local.get %[sign]
        \\ f64.load 0
        \\ f64.copysign
        \\ f64.store 0
        :
        : [result] "r" (result),
          [number] "r" (number),
          [sign] "r" (sign),
        : "memory"
    );
}

pub fn stateHash(node: *const Node) [32]u8 {
    return sdk.Hash.of(.{node.sum});
}

pub fn inspect(node: *const Node, json: *sdk.Json) void {
    json.field("sum", node.sum);
}
