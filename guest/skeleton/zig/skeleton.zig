//! A toy to start from: replica 0 puts commands in order, the others follow.
//!
//! It survives the loss of messages, but no liar and no lost leader. So it has three replicas at
//! most: of three, none may be faulty.

const std = @import("std");
const sdk = @import("sdk");

pub const main = sdk.Guest(@This()).main;
pub const panic = sdk.panic;

pub const name = "skeleton";
pub const version = "1";
pub const max_nodes: u16 = 16;
pub const replicas = [2]u16{ 1, 3 };

/// What can come of an event; people read it, with spaces.
pub const Outcome = enum(u16) { ordered = 16, forwarded, followed, old, gap, repeated, table_full };

/// The whole state of one replica. No pointers: the SDK keeps all nodes in one static array.
pub const Node = struct {
    replica: u16,
    height: u64,
    log: [32]u8,
    application: [64]u8,
    clients: [clients_max]Client,
};

/// The highest sequence of each client: a command executes once.
const Client = struct { id: u64 = 0, sequence: u64 = 0, known: bool = false };

const leader = 0;
const clients_max = 64;
const data_max = 4096;
const timer_ms = 100;

const Kind = enum(u8) { request = 1, entry = 2 };

/// u8 kind | u64 height | u64 client | u64 sequence | data. The first byte is always the kind.
const Message = struct {
    kind: Kind,
    height: u64,
    client: u64,
    sequence: u64,
    data: []const u8,

    const size_max = 25 + data_max;

    fn parse(bytes: []const u8) sdk.Malformed!Message {
        var reader = sdk.Reader.init(bytes);
        const kind = std.meta.intToEnum(Kind, try reader.int(u8)) catch return error.Malformed;
        const message = Message{
            .kind = kind,
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

/// Start from nothing, whatever the node was before.
pub fn init(node: *Node, p: sdk.Init, out: *sdk.Out) sdk.Malformed!u16 {
    node.* = .{
        .replica = p.replica,
        .height = 0,
        .log = @splat(0),
        .application = @splat(0),
        .clients = @splat(.{}),
    };
    out.setTimer(1, timer_ms);
    return sdk.ok;
}

/// A client's command arrives.
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

/// A message of another replica arrives.
pub fn deliver(node: *Node, sender: u16, bytes: []const u8, out: *sdk.Out) u16 {
    const message = Message.parse(bytes) catch return sdk.malformed;
    return switch (message.kind) {
        .request => if (node.replica == leader) order(node, message, out) else sdk.malformed,
        .entry => if (sender == leader) follow(node, message, out) else sdk.malformed,
    };
}

/// The timer of a view fires. The toy has nothing to do then but to wait for the next.
pub fn timeout(_: *Node, view: u64, out: *sdk.Out) u16 {
    out.setTimer(view +% 1, timer_ms);
    return sdk.ok;
}

fn order(node: *Node, request: Message, out: *sdk.Out) u16 {
    const client = slotOf(node, request.client) orelse return @intFromEnum(Outcome.table_full);
    if (client.known and request.sequence <= client.sequence) return @intFromEnum(Outcome.repeated);
    client.* = .{ .id = request.client, .sequence = request.sequence, .known = true };
    var entry = request;
    entry.kind = .entry;
    entry.height = node.height + 1;
    var buffer: [Message.size_max]u8 = undefined;
    out.broadcast(entry.write(&buffer));
    execute(node, entry, out);
    return @intFromEnum(Outcome.ordered);
}

fn slotOf(node: *Node, client: u64) ?*Client {
    for (&node.clients) |*slot| if (!slot.known or slot.id == client) return slot;
    return null;
}

fn follow(node: *Node, entry: Message, out: *sdk.Out) u16 {
    if (entry.height <= node.height) return @intFromEnum(Outcome.old);
    if (entry.height > node.height + 1) return @intFromEnum(Outcome.gap);
    execute(node, entry, out);
    return @intFromEnum(Outcome.followed);
}

/// The command is final: the application runs it, and everybody is told.
fn execute(node: *Node, entry: Message, out: *sdk.Out) void {
    sdk.apply(&node.application, entry.data);
    node.height = entry.height;
    node.log = sdk.Hash.of(.{ &node.log, entry.client, entry.sequence, entry.data });
    out.commit(entry.height, &node.log, &sdk.Hash.of(.{&node.application}));
    out.commitCommand(entry.client, entry.sequence, entry.data);
}

/// A function of the present state, whatever the way to it.
pub fn stateHash(node: *const Node) [32]u8 {
    var hash = sdk.Hash{};
    hash.add(node.height);
    hash.add(&node.log);
    hash.add(&node.application);
    for (&node.clients) |*client| {
        hash.add(client.id);
        hash.add(client.sequence);
    }
    return hash.final();
}

/// The state for people.
pub fn inspect(node: *const Node, json: *sdk.Json) void {
    json.field("replica", node.replica);
    json.field("height", node.height);
    json.hexField("log", &node.log);
}

/// A message for people.
pub fn decode(bytes: []const u8, json: *sdk.Json) u16 {
    const message = Message.parse(bytes) catch return sdk.malformed;
    json.field("kind", @tagName(message.kind));
    json.field("height", message.height);
    json.field("client", message.client);
    json.field("sequence", message.sequence);
    json.hexField("data", message.data);
    return sdk.ok;
}

/// What lockstep should know: the kinds of messages; options and mutations, where there are any.
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
