//! A guest that asks for memory: a command of one i32 is the argument of `memory.grow`.
//!
//! It reports i32 result | u32 pages | u64 word, where the word was just stored at the end of
//! memory. The module's memory cannot grow, so the right result is -1 for all but 0.

const std = @import("std");
const sdk = @import("sdk");

pub const main = sdk.Guest(@This()).main;
pub const panic = sdk.panic;

pub const name = "memgrow";
pub const version = "1";
pub const max_nodes: u16 = 1;
pub const replicas = [2]u16{ 1, 31 };

pub const Outcome = enum(u16) { granted = 16, refused };

pub const Node = struct { granted: u64, refused: u64 };

const is_wasm = @import("builtin").cpu.arch.isWasm();
const page_size = 64 << 10;

pub fn init(node: *Node, _: sdk.Init, _: *sdk.Out) sdk.Malformed!u16 {
    node.* = .{ .granted = 0, .refused = 0 };
    return sdk.ok;
}

pub fn command(node: *Node, client: u64, sequence: u64, data: []const u8, out: *sdk.Out) u16 {
    if (!is_wasm) return sdk.unsupported;
    if (data.len != 4) return sdk.malformed;
    const result: i32 = @intCast(@wasmMemoryGrow(0, std.mem.readInt(u32, data[0..4], .little)));
    var answer: [16]u8 = undefined;
    var writer = sdk.Writer.init(&answer);
    writer.int(i32, result);
    writer.int(u32, @intCast(@wasmMemorySize(0)));
    writer.int(u64, storeAndLoad(client ^ sequence));
    out.report(writer.written());
    if (result < 0) node.refused += 1 else node.granted += 1;
    return @intFromEnum(if (result < 0) Outcome.refused else Outcome.granted);
}

/// Through the last whole word of memory, if there is any memory.
fn storeAndLoad(value: u64) u64 {
    const end = @wasmMemorySize(0) * page_size;
    if (end == 0) return 0;
    const last: *volatile u64 = @ptrFromInt(end - 8);
    last.* = value;
    return last.*;
}

pub fn stateHash(node: *const Node) [32]u8 {
    return sdk.Hash.of(.{ node.granted, node.refused });
}

pub fn inspect(node: *const Node, json: *sdk.Json) void {
    json.field("granted", node.granted);
    json.field("refused", node.refused);
}
