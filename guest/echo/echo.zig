//! A guest that says back what it hears: for tests of the SDK, answers of any size among them.

const std = @import("std");
const sdk = @import("sdk");

pub const main = sdk.Guest(@This()).main;
pub const panic = sdk.panic;

pub const name = "echo";
pub const version = "1";
pub const max_nodes: u16 = 2;
pub const replicas = [2]u16{ 1, 31 };

pub const Outcome = enum(u16) { heard = 16, told };

pub const Node = struct { heard: u64, last: [32]u8 };

pub fn init(node: *Node, p: sdk.Init, out: *sdk.Out) sdk.Malformed!u16 {
    node.* = .{ .heard = 0, .last = @splat(0) };
    for (0..p.scheduled()) |at| out.setTimer(p.leader(@intCast(at)), p.n);
    return sdk.ok;
}

pub fn deliver(node: *Node, sender: u16, message: []const u8, out: *sdk.Out) u16 {
    hear(node, message);
    out.send(sender, message);
    return @intFromEnum(Outcome.heard);
}

/// As many commands in the commit as the sequence says.
pub fn command(node: *Node, client: u64, sequence: u64, data: []const u8, out: *sdk.Out) u16 {
    hear(node, data);
    out.broadcast(data);
    out.commit(node.heard, &node.last, &node.last);
    for (0..@min(sequence, 3)) |at| out.commitCommand(client, at, data);
    return @intFromEnum(Outcome.heard);
}

/// The message backwards, `mutation` times in a row.
pub fn forge(_: *Node, mutation: u16, _: u64, message: []const u8, out: *sdk.Out) u16 {
    out.beginReport();
    for (0..mutation) |_| {
        for (0..message.len) |at| out.put(&.{message[message.len - 1 - at]});
    }
    out.endAction();
    return @intFromEnum(Outcome.told);
}

fn hear(node: *Node, message: []const u8) void {
    node.heard += 1;
    node.last = sdk.Hash.of(.{ &node.last, message });
}

pub fn stateHash(node: *const Node) [32]u8 {
    return sdk.Hash.of(.{ node.heard, &node.last });
}

pub fn inspect(node: *const Node, json: *sdk.Json) void {
    json.field("heard", node.heard);
    json.hexField("last", &node.last);
}

/// The message as a text, as numbers, and in hexadecimal digits.
pub fn decode(message: []const u8, json: *sdk.Json) u16 {
    if (message.len == 0) return sdk.malformed;
    json.field("text", message);
    json.key("numbers");
    json.beginArray();
    for (message) |byte| json.value(@as(i8, @bitCast(byte)));
    json.endArray();
    json.hexField("hex", message);
    json.field("ascii", std.ascii.isAscii(message[0]));
    return @intFromEnum(Outcome.told);
}
