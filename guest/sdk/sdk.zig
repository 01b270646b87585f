//! What every guest shares, so that an algorithm is only its handlers.
//!
//! A guest reads events on stdin and writes one observation per event on stdout (little-endian):
//!
//!     event        u32 size | u16 node | u8 kind | body          size counts what follows it
//!     observation  u32 size | u16 outcome | u8[32] state hash | u16 action count | actions
//!     action       u8 kind | u32 size | body
//!
//! An algorithm is a file with these declarations (`../register/register.zig` is the example):
//!
//!     const sdk = @import("sdk");
//!     pub const main = sdk.Guest(@This()).main;
//!     pub const panic = sdk.panic;
//!
//!     pub const name = "register";                  // what `describe` says
//!     pub const version = "1";
//!     pub const Node = struct { ... };              // the whole state of one node; no pointers
//!     pub const max_nodes: u16 = 48;
//!     pub const replicas = [2]u16{ 1, 31 };         // smallest and largest n
//!     pub const Outcome = enum(u16) { accepted_proposal = 16, ... };   // shown with spaces
//!
//!     pub fn init(*Node, p: sdk.Init, *sdk.Out) sdk.Malformed!u16
//!     pub fn deliver(*Node, sender: u16, message: []const u8, *sdk.Out) u16
//!     pub fn timeout(*Node, view: u64, *sdk.Out) u16
//!     pub fn command(*Node, client: u64, sequence: u64, data: []const u8, *sdk.Out) u16
//!     pub fn forge(*Node, mutation: u16, choice: u64, message: []const u8, *sdk.Out) u16
//!     pub fn stateHash(*const Node) [32]u8
//!     pub fn inspect(*const Node, *sdk.Json) void
//!     pub fn decode(message: []const u8, *sdk.Json) u16
//!     pub fn describe(*sdk.Json) void               // "options", "messages", "mutations"
//!
//! Each handler returns an outcome: `sdk.ok`, `sdk.malformed` (which drops the actions) or a number
//! of `Outcome`. An event whose handler is left out is `unsupported`. The SDK has checked replica, n
//! and schedule of an `init`; where `init` returns `error.Malformed` it has not touched the node.
//! `inspect`, `decode` and `describe` write fields of an object that is open already. They and `forge`
//! change no state, and run twice when the answer is long; the answer to any other event
//! must not outgrow `Out.answer_max`. All slices lie in the event's buffer: copy what must stay.

const std = @import("std");
const frame = @import("frame.zig");
const hash = @import("hash.zig");
const loop = @import("loop.zig");

pub const Init = frame.Init;
pub const Json = @import("json.zig").Json;
pub const Malformed = frame.Malformed;
pub const Out = @import("out.zig").Out;
pub const Reader = frame.Reader;
pub const Writer = frame.Writer;

pub const Hash = hash.Hash;
pub const Sum = hash.Sum;
pub const apply = @import("apply.zig").apply;

pub const ok = @intFromEnum(frame.Outcome.ok);
pub const malformed = @intFromEnum(frame.Outcome.malformed);
pub const unsupported = @intFromEnum(frame.Outcome.unsupported);

/// A panic is a trap, without a text: texts would need formatting, and that a table.
pub const panic = std.debug.no_panic;

/// The program around `Algorithm`.
pub fn Guest(comptime Algorithm: type) type {
    return struct {
        pub fn main() void {
            loop.run(@import("dispatch.zig").Dispatch(Algorithm));
        }
    };
}
