//! From an event to the algorithm's handler: finds the node, reads the body, names the outcome.

const std = @import("std");
const digest = @import("digest.zig");
const frame = @import("frame.zig");
const Json = @import("json.zig").Json;
const Out = @import("out.zig").Out;

const Event = frame.Event;
const Malformed = frame.Malformed;
const Reader = frame.Reader;

const ok = @intFromEnum(frame.Outcome.ok);
const malformed = @intFromEnum(frame.Outcome.malformed);
const unknown_node = @intFromEnum(frame.Outcome.unknown_node);
const unsupported = @intFromEnum(frame.Outcome.unsupported);

const no_state: [frame.state_hash_size]u8 = @splat(0);

pub fn Dispatch(comptime Algorithm: type) type {
    return struct {
        const Node = Algorithm.Node;
        const Nodes = [Algorithm.max_nodes]Node;

        var memory: [@sizeOf(Nodes)]u8 align(@alignOf(Nodes)) = @splat(0);
        const nodes: *Nodes = @ptrCast(&memory);
        var started: [Algorithm.max_nodes]bool = @splat(false);

        pub fn answer(event: Event, out: *Out) u16 {
            const outcome = switch (event.kind) {
                .init => init(event, out),
                .deliver, .timeout, .command, .forge, .inspect => ofNode(event, out),
                .digest => digests(event, out),
                .decode => decode(event, out),
                .describe => describe(event, out),
                _ => unsupported,
            } catch malformed;
            if (outcome == malformed) out.reset();
            return outcome;
        }

        /// Read back from memory, whatever the handler still has in registers.
        pub fn stateHash(event: Event) [frame.state_hash_size]u8 {
            return switch (event.kind) {
                .init, .deliver, .timeout, .command, .forge, .inspect => {
                    const node = find(event.node) orelse return no_state;
                    return @call(.never_inline, Algorithm.stateHash, .{node});
                },
                else => no_state,
            };
        }

        fn find(number: u16) ?*Node {
            return if (number < nodes.len and started[number]) &nodes[number] else null;
        }

        fn init(event: Event, out: *Out) Malformed!u16 {
            if (event.node >= nodes.len) return unknown_node;
            const p = try frame.Init.parse(event.body);
            const least, const most = Algorithm.replicas;
            if (p.n < least or p.n > most) return error.Malformed;
            const node = &nodes[event.node];
            const outcome = try @call(.never_inline, Algorithm.init, .{ node, p, out });
            started[event.node] = true;
            return outcome;
        }

        fn ofNode(event: Event, out: *Out) Malformed!u16 {
            const node = find(event.node) orelse return unknown_node;
            var body = Reader.init(event.body);
            switch (event.kind) {
                .deliver => {
                    const sender = try body.int(u16);
                    return call("deliver", .{ node, sender, body.rest(), out });
                },
                .timeout => {
                    const view = try body.int(u64);
                    try body.end();
                    return call("timeout", .{ node, view, out });
                },
                .command => {
                    const client = try body.int(u64);
                    const sequence = try body.int(u64);
                    return call("command", .{ node, client, sequence, body.rest(), out });
                },
                .forge => {
                    const mutation = try body.int(u16);
                    const choice = try body.int(u64);
                    return call("forge", .{ node, mutation, choice, body.rest(), out });
                },
                .inspect => {
                    try body.end();
                    return tell("inspect", .{node}, out);
                },
                else => unreachable,
            }
        }

        fn digests(event: Event, out: *Out) Malformed!u16 {
            if (!digest.available) return unsupported;
            try Reader.init(event.body).end();
            @call(.never_inline, digest.report, .{out});
            return ok;
        }

        fn decode(event: Event, out: *Out) Malformed!u16 {
            return tell("decode", .{event.body}, out);
        }

        fn describe(event: Event, out: *Out) Malformed!u16 {
            try Reader.init(event.body).end();
            var json = Json.begin(out);
            json.field("name", Algorithm.name);
            json.field("version", Algorithm.version);
            json.field("protocol", frame.protocol_version);
            json.field("nodes", Algorithm.max_nodes);
            json.key("replicas");
            json.beginArray();
            for (Algorithm.replicas) |n| json.value(n);
            json.endArray();
            json.field("digest", digest.available);
            json.key("outcomes");
            json.beginObject();
            outcomes(frame.Outcome, &json);
            outcomes(Algorithm.Outcome, &json);
            json.endObject();
            if (@hasDecl(Algorithm, "describe")) Algorithm.describe(&json);
            json.end();
            return ok;
        }

        /// Handlers stay out of line: an engine may then compile each anew when it gets hot.
        fn call(comptime handler: []const u8, arguments: anytype) u16 {
            if (!@hasDecl(Algorithm, handler)) return unsupported;
            return @call(.never_inline, @field(Algorithm, handler), arguments);
        }

        /// Reports an object whose fields the algorithm writes.
        fn tell(comptime handler: []const u8, arguments: anytype, out: *Out) u16 {
            if (!@hasDecl(Algorithm, handler)) return unsupported;
            var json = Json.begin(out);
            const outcome = @call(.never_inline, @field(Algorithm, handler), arguments ++ .{&json});
            json.end();
            return if (@TypeOf(outcome) == void) ok else outcome;
        }
    };
}

/// `"16":"accepted proposal"` for each tag of `Outcome`.
fn outcomes(comptime Outcome: type, json: *Json) void {
    inline for (@typeInfo(Outcome).@"enum".fields) |tag| {
        const words = comptime words: {
            var text = tag.name[0..tag.name.len].*;
            std.mem.replaceScalar(u8, &text, '_', ' ');
            break :words text;
        };
        json.field(std.fmt.comptimePrint("{d}", .{tag.value}), &words);
    }
}
