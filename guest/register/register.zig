//! A toy that shows what an algorithm is: replica 0 puts commands in order, the others follow.
//! It survives no fault; it is the example of the documentation and a small guest for tests.

const std = @import("std");
const sdk = @import("sdk");

pub const main = sdk.Guest(@This()).main;
pub const panic = sdk.panic;

pub const name = "register";
pub const version = "1";
pub const max_nodes: u16 = 48;
pub const replicas = [2]u16{ 1, 31 };

pub const Outcome = enum(u16) { ordered = 16, forwarded, followed, stale_height, gap };

pub const Node = struct {
    replica: u16,
    height: u64,
    /// The hash of all that was committed, each entry chained to the one before it.
    log: [32]u8,
    application: [64]u8,
};

const leader = 0;
const timer_ms = 100;
const data_max = 1024;

const Kind = enum(u8) { request = 1, entry = 2 };

/// u8 kind | u64 height (0 in a request) | u64 client | u64 sequence | data
const Message = struct {
    kind: Kind,
    height: u64,
    client: u64,
    sequence: u64,
    data: []const u8,

    const size_max = 25 + data_max;

    fn parse(bytes: []const u8) sdk.Malformed!Message {
        var reader = sdk.Reader.init(bytes);
        const message = Message{
            .kind = std.meta.intToEnum(Kind, try reader.int(u8)) catch return error.Malformed,
            .height = try reader.int(u64),
            .client = try reader.int(u64),
            .sequence = try reader.int(u64),
            .data = reader.rest(),
        };
        return if (message.data.len <= data_max) message else error.Malformed;
    }

    fn write(message: Message, buffer: *[size_max]u8) []const u8 {
        var writer = sdk.Writer.init(buffer);
        writer.int(u8, @intFromEnum(message.kind));
        writer.int(u64, message.height);
        writer.int(u64, message.client);
        writer.int(u64, message.sequence);
        writer.put(message.data);
        return writer.written();
    }
};

pub fn init(node: *Node, p: sdk.Init, out: *sdk.Out) sdk.Malformed!u16 {
    if (p.options.len != 0) return error.Malformed;
    node.* = .{ .replica = p.replica, .height = 0, .log = @splat(0), .application = @splat(0) };
    out.setTimer(0, timer_ms);
    return sdk.ok;
}

pub fn command(node: *Node, client: u64, sequence: u64, data: []const u8, out: *sdk.Out) u16 {
    if (data.len > data_max) return sdk.malformed;
    const request = Message{
        .kind = .request,
        .height = 0,
        .client = client,
        .sequence = sequence,
        .data = data,
    };
    if (node.replica == leader) return order(node, request, out);
    var buffer: [Message.size_max]u8 = undefined;
    out.send(leader, request.write(&buffer));
    return @intFromEnum(Outcome.forwarded);
}

pub fn deliver(node: *Node, sender: u16, bytes: []const u8, out: *sdk.Out) u16 {
    const message = Message.parse(bytes) catch return sdk.malformed;
    return switch (message.kind) {
        .request => if (node.replica == leader) order(node, message, out) else sdk.malformed,
        .entry => if (sender == leader) follow(node, message, out) else sdk.malformed,
    };
}

pub fn timeout(node: *Node, view: u64, out: *sdk.Out) u16 {
    out.setTimer(view +% 1, timer_ms);
    return if (view < node.height) @intFromEnum(Outcome.stale_height) else sdk.ok;
}

fn order(node: *Node, request: Message, out: *sdk.Out) u16 {
    var entry = request;
    entry.kind = .entry;
    entry.height = node.height + 1;
    var buffer: [Message.size_max]u8 = undefined;
    out.broadcast(entry.write(&buffer));
    execute(node, entry, out);
    return @intFromEnum(Outcome.ordered);
}

fn follow(node: *Node, entry: Message, out: *sdk.Out) u16 {
    if (entry.height <= node.height) return @intFromEnum(Outcome.stale_height);
    if (entry.height > node.height + 1) return @intFromEnum(Outcome.gap);
    execute(node, entry, out);
    return @intFromEnum(Outcome.followed);
}

fn execute(node: *Node, entry: Message, out: *sdk.Out) void {
    sdk.apply(&node.application, entry.data);
    node.height = entry.height;
    node.log = sdk.Hash.of(.{ &node.log, entry.client, entry.sequence, entry.data });
    out.commit(entry.height, &node.log, &sdk.Hash.of(.{&node.application}));
    out.commitCommand(entry.client, entry.sequence, entry.data);
}

pub fn stateHash(node: *const Node) [32]u8 {
    return sdk.Hash.of(.{ node.replica, node.height, &node.log, &node.application });
}

pub fn inspect(node: *const Node, json: *sdk.Json) void {
    json.field("replica", node.replica);
    json.field("height", node.height);
    json.hexField("log", &node.log);
    json.hexField("application", &node.application);
}

pub fn decode(bytes: []const u8, json: *sdk.Json) u16 {
    const message = Message.parse(bytes) catch return sdk.malformed;
    json.field("kind", @tagName(message.kind));
    json.field("height", message.height);
    json.field("client", message.client);
    json.field("sequence", message.sequence);
    json.hexField("data", message.data);
    return sdk.ok;
}

pub fn describe(json: *sdk.Json) void {
    json.key("messages");
    json.beginArray();
    inline for (@typeInfo(Kind).@"enum".fields) |kind| {
        json.beginObject();
        json.field("number", kind.value);
        json.field("name", kind.name);
        json.endObject();
    }
    json.endArray();
}
