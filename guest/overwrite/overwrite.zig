//! A guest that overwrites a local while the operand stack holds its value twice.
//!
//! A command of one u32 is pushed twice from a local, which is set to the command's client then:
//! the sum of the two is what it was before. It reports u32 sum.

const std = @import("std");
const sdk = @import("sdk");

pub const main = sdk.Guest(@This()).main;
pub const panic = sdk.panic;

pub const name = "overwrite";
pub const version = "1";
pub const max_nodes: u16 = 1;
pub const replicas = [2]u16{ 1, 31 };

pub const Outcome = enum(u16) { even = 16, odd };

pub const Node = struct { sum: u64 };

const is_wasm = @import("builtin").cpu.arch.isWasm();

pub fn init(node: *Node, _: sdk.Init, _: *sdk.Out) sdk.Malformed!u16 {
    node.* = .{ .sum = 0 };
    return sdk.ok;
}

pub fn command(node: *Node, client: u64, _: u64, data: []const u8, out: *sdk.Out) u16 {
    if (!is_wasm) return sdk.unsupported;
    if (data.len != 4) return sdk.malformed;
    const number = std.mem.readInt(u32, data[0..4], .little);
    const sum = twice(number, @truncate(client));
    var answer: [4]u8 = undefined;
    var writer = sdk.Writer.init(&answer);
    writer.int(u32, sum);
    out.report(writer.written());
    node.sum +%= sum;
    return @intFromEnum(if (sum % 2 == 0) Outcome.even else Outcome.odd);
}

/// The compiler must not know that the local changes, and uses it for nothing else.
noinline fn twice(number: u32, other: u32) u32 {
    return asm volatile (
        \\ local.get %[number]
        \\ local.get %[number]
        \\ local.get %[other]
        \\ local.set %[number]
        \\ i32.add
        \\ local.set %[sum]
        : [sum] "=r" (-> u32),
        : [number] "r" (number),
          [other] "r" (other),
    );
}

pub fn stateHash(node: *const Node) [32]u8 {
    return sdk.Hash.of(.{node.sum});
}

pub fn inspect(node: *const Node, json: *sdk.Json) void {
    json.field("sum", node.sum);
}
