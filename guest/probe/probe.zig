//! A guest around an application and nothing else: each command is applied, and the state reported.
//! What the application keeps elsewhere lasts from command to command.

const sdk = @import("sdk");

pub const main = sdk.Guest(@This()).main;
pub const panic = sdk.panic;

pub const name = "probe";
pub const version = "1";
pub const max_nodes: u16 = 1;
pub const replicas = [2]u16{ 1, 31 };

pub const Outcome = enum(u16) { applied = 16 };

pub const Node = struct { state: [8]u8 };

pub fn init(node: *Node, _: sdk.Init, _: *sdk.Out) sdk.Malformed!u16 {
    node.* = .{ .state = @splat(0) };
    return sdk.ok;
}

pub fn command(node: *Node, _: u64, _: u64, data: []const u8, out: *sdk.Out) u16 {
    sdk.apply(&node.state, data);
    out.report(&node.state);
    return @intFromEnum(Outcome.applied);
}

pub fn stateHash(node: *const Node) [32]u8 {
    return sdk.Hash.of(.{&node.state});
}

pub fn inspect(node: *const Node, json: *sdk.Json) void {
    json.hexField("state", &node.state);
}
