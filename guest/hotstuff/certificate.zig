//! The signatures of a quorum under one statement: for a block (votes) or for the end of a view (timeouts).
//!
//!     u64 view | u8[32] block, zeros for a timeout | u8 count | shares, each u8 signer | signature

const std = @import("std");
const sdk = @import("sdk");
const flaw = @import("flaw.zig");
const keys = @import("keys.zig");
const limits = @import("limits.zig");
const Outcome = @import("outcome.zig").Outcome;

const Domain = keys.Domain;
const Hash = keys.Hash;
const Keys = keys.Keys;
const Scheme = keys.Scheme;

pub const shares_max = limits.quorum_max * (1 + keys.signature_max);
pub const size_max = 8 + limits.hash_size + 1 + shares_max;

/// How many signers a certificate takes: n - f, where f = (n - 1) / 3 may be faulty.
pub fn quorum(n: u16) u16 {
    const honest = n - (n - 1) / 3;
    return if (flaw.has(.quorum_minus_one)) honest - 1 else honest;
}

pub const Share = struct { signer: u16, signature: []const u8 };

/// A certificate whose parts lie elsewhere.
pub const Certificate = struct {
    view: u64,
    block: *const Hash,
    scheme: Scheme,
    shares: []const u8,

    pub fn parse(reader: *sdk.Reader, scheme: Scheme) sdk.Malformed!Certificate {
        const view = try parseView(reader);
        const block = try parseHash(reader);
        const number = try reader.int(u8);
        if (number > limits.quorum_max) return error.Malformed;
        const shares = try reader.take(number * shareSize(scheme));
        return .{ .view = view, .block = block, .scheme = scheme, .shares = shares };
    }

    pub fn write(certificate: Certificate, writer: *sdk.Writer) void {
        writer.int(u64, certificate.view);
        writer.put(certificate.block);
        writer.int(u8, @intCast(certificate.count()));
        writer.put(certificate.shares);
    }

    pub fn count(certificate: Certificate) u32 {
        return @as(u32, @intCast(certificate.shares.len)) / shareSize(certificate.scheme);
    }

    pub fn share(certificate: Certificate, at: u32) Share {
        const size = shareSize(certificate.scheme);
        const bytes = certificate.shares[at * size ..][0..size];
        return .{ .signer = bytes[0], .signature = bytes[1..] };
    }

    pub fn equals(certificate: Certificate, other: Certificate) bool {
        return certificate.view == other.view and
            std.mem.eql(u8, certificate.shares, other.shares) and
            std.mem.eql(u8, certificate.block, other.block);
    }

    /// What is wrong with it: every signer must be another, in rising order, and sign just this.
    pub fn fault(certificate: Certificate, domain: Domain, n: u16, known: *const Keys) ?Outcome {
        if (certificate.count() != quorum(n)) return .no_quorum_in_certificate;
        const statement = keys.Statement{ .domain = domain, .view = certificate.view, .block = certificate.block };
        var next: u16 = 0;
        for (0..certificate.count()) |at| {
            const found = certificate.share(@intCast(at));
            if (found.signer >= n) return .bad_certificate;
            if (found.signer < next and !flaw.has(.duplicate_signers)) return .repeated_signer;
            if (!known.verify(found.signer, statement, found.signature)) return .bad_certificate;
            next = found.signer + 1;
        }
        return null;
    }
};

/// A certificate that keeps its parts.
pub const Stored = struct {
    view: u64,
    block: Hash,
    size: u32,
    shares: [shares_max]u8,
    /// Of all the above.
    digest: [32]u8,

    pub fn set(stored: *Stored, certificate: Certificate) void {
        stored.view = certificate.view;
        stored.block = certificate.block.*;
        stored.size = @intCast(certificate.shares.len);
        @memcpy(stored.shares[0..stored.size], certificate.shares);
        stored.digest = stored.hash();
    }

    pub fn get(stored: *const Stored, scheme: Scheme) Certificate {
        return .{
            .view = stored.view,
            .block = &stored.block,
            .scheme = scheme,
            .shares = stored.shares[0..stored.size],
        };
    }

    pub noinline fn hash(stored: *const Stored) [32]u8 {
        return sdk.Hash.of(.{ stored.view, &stored.block, @as([]const u8, stored.shares[0..stored.size]) });
    }
};

/// Gathers shares into a certificate; signers must come in rising order.
pub const Gathering = struct {
    bytes: [shares_max]u8 = undefined,
    size: u32 = 0,

    pub fn add(gathering: *Gathering, signer: u16, signature: []const u8) void {
        gathering.bytes[gathering.size] = @intCast(signer);
        @memcpy(gathering.bytes[gathering.size + 1 ..][0..signature.len], signature);
        gathering.size += 1 + @as(u32, @intCast(signature.len));
    }

    pub fn certificate(gathering: *const Gathering, scheme: Scheme, view: u64, block: *const Hash) Certificate {
        return .{ .view = view, .block = block, .scheme = scheme, .shares = gathering.bytes[0..gathering.size] };
    }
};

pub fn shareSize(scheme: Scheme) u32 {
    return 1 + scheme.signatureSize();
}

pub fn parseView(reader: *sdk.Reader) sdk.Malformed!u64 {
    const view = try reader.int(u64);
    return if (view < limits.view_max) view else error.Malformed;
}

pub fn parseHash(reader: *sdk.Reader) sdk.Malformed!*const Hash {
    return (try reader.take(limits.hash_size))[0..limits.hash_size];
}
