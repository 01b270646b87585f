//! What replicas say to each other. The first two bytes are the kind and the scheme of all signatures within.
//!
//!     proposal  block | u8 0 or 1 | certificate of a timeout, where that is 1 | signature
//!     vote      u64 view | u16 signer | u8[32] block | signature
//!     timeout   u64 view | u16 signer | newest certificate | signature
//!     new view  newest certificate | u8 0 or 1 | certificate of a timeout, where that is 1
//!     fetch     u8[32] block
//!     block     block
//!
//! A block starts with its view: so proposals and votes of one view have the same first ten bytes, and a
//! correct replica never sends two different ones.

const std = @import("std");
const sdk = @import("sdk");
const blocks = @import("block.zig");
const certificates = @import("certificate.zig");
const keys = @import("keys.zig");

const Certificate = certificates.Certificate;
const Hash = keys.Hash;
const Scheme = keys.Scheme;

pub const Kind = enum(u8) { proposal = 1, vote, timeout, new_view, fetch, block };

/// The bytes of a proposal or vote that a correct replica sends once: kind, scheme, view.
pub const once_size = 10;

pub const Proposal = struct {
    encoded: blocks.Encoded,
    timeout: ?Certificate,
    signature: []const u8,

    /// `hash` is the block's.
    pub fn statement(proposal: Proposal, hash: *const Hash) keys.Statement {
        return .{ .domain = .proposal, .view = proposal.encoded.block.view, .block = hash };
    }
};

pub const Vote = struct {
    view: u64,
    signer: u16,
    block: *const Hash,
    signature: []const u8,

    pub fn statement(vote: Vote) keys.Statement {
        return .{ .domain = .vote, .view = vote.view, .block = vote.block };
    }
};

pub const Timeout = struct {
    view: u64,
    signer: u16,
    high: Certificate,
    signature: []const u8,

    pub fn statement(timeout: Timeout) keys.Statement {
        return .{ .domain = .timeout, .view = timeout.view };
    }
};

pub const NewView = struct { high: Certificate, timeout: ?Certificate };

pub const size_max = 2 + blocks.size_max + 1 + certificates.size_max + keys.signature_max;

pub const Message = union(Kind) {
    proposal: Proposal,
    vote: Vote,
    timeout: Timeout,
    new_view: NewView,
    fetch: *const Hash,
    block: blocks.Encoded,

    pub const Buffer = [size_max]u8;

    pub fn write(message: Message, scheme: Scheme, buffer: *Buffer) []const u8 {
        var writer = sdk.Writer.init(buffer);
        writer.int(u8, @intFromEnum(message));
        writer.int(u8, @intFromEnum(scheme));
        switch (message) {
            .proposal => |proposal| {
                writer.put(proposal.encoded.bytes);
                writeOptional(proposal.timeout, &writer);
                writer.put(proposal.signature);
            },
            .vote => |vote| {
                writer.int(u64, vote.view);
                writer.int(u16, vote.signer);
                writer.put(vote.block);
                writer.put(vote.signature);
            },
            .timeout => |timeout| {
                writer.int(u64, timeout.view);
                writer.int(u16, timeout.signer);
                timeout.high.write(&writer);
                writer.put(timeout.signature);
            },
            .new_view => |new_view| {
                new_view.high.write(&writer);
                writeOptional(new_view.timeout, &writer);
            },
            .fetch => |hash| writer.put(hash),
            .block => |encoded| writer.put(encoded.bytes),
        }
        return writer.written();
    }

    pub const Parsed = struct { message: Message, scheme: Scheme };

    pub fn parse(bytes: []const u8) sdk.Malformed!Parsed {
        var reader = sdk.Reader.init(bytes);
        const kind = std.meta.intToEnum(Kind, try reader.int(u8)) catch return error.Malformed;
        const scheme = std.meta.intToEnum(Scheme, try reader.int(u8)) catch return error.Malformed;
        const message = try parseBody(kind, scheme, &reader);
        try reader.end();
        return .{ .message = message, .scheme = scheme };
    }
};

fn parseBody(kind: Kind, scheme: Scheme, reader: *sdk.Reader) sdk.Malformed!Message {
    return switch (kind) {
        .proposal => .{ .proposal = .{
            .encoded = try .parse(reader, scheme),
            .timeout = try parseOptional(scheme, reader),
            .signature = try reader.take(scheme.signatureSize()),
        } },
        .vote => .{ .vote = .{
            .view = try certificates.parseView(reader),
            .signer = try reader.int(u16),
            .block = try certificates.parseHash(reader),
            .signature = try reader.take(scheme.signatureSize()),
        } },
        .timeout => .{ .timeout = .{
            .view = try certificates.parseView(reader),
            .signer = try reader.int(u16),
            .high = try .parse(reader, scheme),
            .signature = try reader.take(scheme.signatureSize()),
        } },
        .new_view => .{ .new_view = .{
            .high = try .parse(reader, scheme),
            .timeout = try parseOptional(scheme, reader),
        } },
        .fetch => .{ .fetch = try certificates.parseHash(reader) },
        .block => .{ .block = try .parse(reader, scheme) },
    };
}

fn parseOptional(scheme: Scheme, reader: *sdk.Reader) sdk.Malformed!?Certificate {
    return switch (try reader.int(u8)) {
        0 => null,
        1 => try .parse(reader, scheme),
        else => error.Malformed,
    };
}

fn writeOptional(certificate: ?Certificate, writer: *sdk.Writer) void {
    writer.int(u8, @intFromBool(certificate != null));
    if (certificate) |given| given.write(writer);
}
