//! A block: what one leader adds to the chain.
//!
//!     u64 view | u64 height | u16 proposer | u8[32] parent | certificate (of the parent) | u8 count | commands
//!     command: u64 client | u64 sequence | u8 size | bytes

const std = @import("std");
const sdk = @import("sdk");
const certificates = @import("certificate.zig");
const keys = @import("keys.zig");
const limits = @import("limits.zig");

const Certificate = certificates.Certificate;
const Hash = keys.Hash;
const Sha256 = std.crypto.hash.sha2.Sha256;

pub const commands_size_max = 1 + limits.commands_max * (8 + 8 + 1 + limits.command_size_max);
pub const size_max = 8 + 8 + 2 + limits.hash_size + certificates.size_max + commands_size_max;

pub const Command = struct {
    client: u64,
    sequence: u64,
    data: []const u8,

    pub fn parse(reader: *sdk.Reader) sdk.Malformed!Command {
        const client = try reader.int(u64);
        const sequence = try reader.int(u64);
        const size = try reader.int(u8);
        if (size > limits.command_size_max) return error.Malformed;
        return .{ .client = client, .sequence = sequence, .data = try reader.take(size) };
    }

    pub fn write(command: Command, writer: *sdk.Writer) void {
        writer.int(u64, command.client);
        writer.int(u64, command.sequence);
        writer.int(u8, @intCast(command.data.len));
        writer.put(command.data);
    }

    pub fn same(command: Command, other: Command) bool {
        return command.client == other.client and command.sequence == other.sequence;
    }
};

/// The commands of a block, as they were encoded: known to be well-formed.
pub const Commands = struct {
    encoded: []const u8,

    pub const none = Commands{ .encoded = &.{0} };

    pub fn parse(reader: *sdk.Reader) sdk.Malformed!Commands {
        const start = reader.bytes;
        const number = try reader.int(u8);
        if (number > limits.commands_max) return error.Malformed;
        for (0..number) |_| _ = try Command.parse(reader);
        return .{ .encoded = start[0 .. start.len - reader.bytes.len] };
    }

    pub fn count(commands: Commands) u8 {
        return commands.encoded[0];
    }

    pub fn iterate(commands: Commands) Iterator {
        return .{ .reader = .init(commands.encoded[1..]) };
    }

    pub const Iterator = struct {
        reader: sdk.Reader,

        pub fn next(iterator: *Iterator) ?Command {
            return Command.parse(&iterator.reader) catch null;
        }
    };
};

/// A block whose parts lie elsewhere.
pub const Block = struct {
    view: u64,
    height: u64,
    proposer: u16,
    parent: *const Hash,
    justify: Certificate,
    commands: Commands,

    pub fn parse(reader: *sdk.Reader, scheme: keys.Scheme) sdk.Malformed!Block {
        return .{
            .view = try certificates.parseView(reader),
            // No chain is higher than its view.
            .height = try certificates.parseView(reader),
            .proposer = try reader.int(u16),
            .parent = try certificates.parseHash(reader),
            .justify = try .parse(reader, scheme),
            .commands = try .parse(reader),
        };
    }

    pub fn write(block: Block, writer: *sdk.Writer) void {
        writer.int(u64, block.view);
        writer.int(u64, block.height);
        writer.int(u16, block.proposer);
        writer.put(block.parent);
        block.justify.write(writer);
        writer.put(block.commands.encoded);
    }
};

/// A block and its encoding, whose hash is the block's name.
pub const Encoded = struct {
    block: Block,
    bytes: []const u8,

    pub fn parse(reader: *sdk.Reader, scheme: keys.Scheme) sdk.Malformed!Encoded {
        const start = reader.bytes;
        const block = try Block.parse(reader, scheme);
        return .{ .block = block, .bytes = start[0 .. start.len - reader.bytes.len] };
    }

    pub fn write(block: Block, buffer: *[size_max]u8) Encoded {
        var writer = sdk.Writer.init(buffer);
        block.write(&writer);
        return .{ .block = block, .bytes = writer.written() };
    }

    pub fn hash(encoded: Encoded) Hash {
        var name: Hash = undefined;
        Sha256.hash(encoded.bytes, &name, .{});
        return name;
    }
};
