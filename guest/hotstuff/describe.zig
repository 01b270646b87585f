//! What the guest says of itself beyond names and outcomes: options, kinds of messages, mutations.

const std = @import("std");
const sdk = @import("sdk");
const keys = @import("keys.zig");
const messages = @import("message.zig");
const Mutation = @import("mutation.zig").Mutation;

const Value = struct { name: []const u8, value: u16, cost: u16 = 1 };
const Option = struct { name: []const u8, size: u8, values: []const Value };

const options = [_]Option{
    .{ .name = "authenticators", .size = 1, .values = &.{
        .{ .name = "hmac", .value = @intFromEnum(keys.Scheme.hmac) },
        .{ .name = "ed25519", .value = @intFromEnum(keys.Scheme.ed25519), .cost = 300 },
    } },
    .{ .name = "commands per block", .size = 1, .values = &.{
        .{ .name = "four", .value = 4 },
        .{ .name = "one", .value = 1 },
    } },
    .{ .name = "base timeout", .size = 2, .values = &.{
        .{ .name = "200 ms", .value = 200 },
        .{ .name = "1 s", .value = 1000 },
        .{ .name = "50 ms", .value = 50 },
    } },
};

pub fn describe(json: *sdk.Json) void {
    array(json, "options", options, writeOption);
    array(json, "messages", std.enums.values(messages.Kind), writeKind);
    array(json, "mutations", std.enums.values(Mutation), writeMutation);
}

fn array(json: *sdk.Json, name: []const u8, items: anytype, comptime write: anytype) void {
    json.key(name);
    json.beginArray();
    for (items) |item| {
        json.beginObject();
        write(json, item);
        json.endObject();
    }
    json.endArray();
}

fn writeOption(json: *sdk.Json, option: Option) void {
    json.field("name", option.name);
    json.field("size", option.size);
    array(json, "values", option.values, writeValue);
}

fn writeValue(json: *sdk.Json, value: Value) void {
    json.field("name", value.name);
    json.field("value", value.value);
    json.field("cost", value.cost);
}

fn writeKind(json: *sdk.Json, kind: messages.Kind) void {
    json.field("number", @intFromEnum(kind));
    json.field("name", words(kind));
    if (kind != .proposal and kind != .vote) return;
    json.key("once");
    json.beginArray();
    json.value(0);
    json.value(messages.once_size);
    json.endArray();
}

fn writeMutation(json: *sdk.Json, mutation: Mutation) void {
    json.field("number", @intFromEnum(mutation));
    json.field("name", words(mutation));
    json.key("messages");
    json.beginArray();
    for (mutation.kinds()) |kind| json.value(@intFromEnum(kind));
    json.endArray();
}

/// The tag's name, with spaces.
pub fn words(tag: anytype) []const u8 {
    switch (tag) {
        inline else => |known| {
            const name = @tagName(known);
            const text = comptime text: {
                var spaced = name[0..name.len].*;
                std.mem.replaceScalar(u8, &spaced, '_', ' ');
                break :text spaced;
            };
            return &text;
        },
    }
}
