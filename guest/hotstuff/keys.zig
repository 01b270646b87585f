//! Who signs, and how: authenticators that are cheap and that any member could forge, or Ed25519.

const std = @import("std");
const ed25519 = @import("ed25519_calls.zig");
const flaw = @import("flaw.zig");
const limits = @import("limits.zig");

const Sha256 = std.crypto.hash.sha2.Sha256;
const SipHash = std.crypto.auth.siphash.SipHash64(2, 4);

pub const Hash = [limits.hash_size]u8;
pub const no_hash: Hash = @splat(0);

pub const Scheme = enum(u8) {
    hmac,
    ed25519,

    pub fn signatureSize(scheme: Scheme) u32 {
        return switch (scheme) {
            .hmac => SipHash.mac_length,
            .ed25519 => ed25519.signature_size,
        };
    }
};

pub const signature_max = ed25519.signature_size;

pub const Domain = enum(u8) { proposal = 1, vote, timeout };

/// What a signature is for. A timeout is for a view alone, and has no block.
pub const Statement = struct {
    domain: Domain,
    view: u64,
    block: *const Hash = &no_hash,

    const size = 1 + 8 + limits.hash_size;

    fn encode(statement: Statement) [size]u8 {
        var bytes: [size]u8 = undefined;
        bytes[0] = @intFromEnum(statement.domain);
        const view = if (flaw.has(.unsigned_view) and statement.domain == .vote) 0 else statement.view;
        std.mem.writeInt(u64, bytes[1..9], view, .little);
        bytes[9..].* = statement.block.*;
        return bytes;
    }
};

pub const Signature = struct {
    bytes: [signature_max]u8,
    size: u32,

    pub fn slice(signature: *const Signature) []const u8 {
        return signature.bytes[0..signature.size];
    }
};

/// The keys that one replica has: its own, and what it needs to check the others' signatures.
pub const Keys = struct {
    scheme: Scheme,
    secret: [64]u8,
    /// Ed25519: public keys. hmac: the shared keys, in the first 16 bytes.
    others: [limits.replicas_max][32]u8,

    pub fn derive(keys: *Keys, scheme: Scheme, seed: u64, n: u16, replica: u16) void {
        keys.scheme = scheme;
        for (keys.others[0..n], 0..) |*key, i| key.* = switch (scheme) {
            .hmac => seedOf(seed, @intCast(i)),
            .ed25519 => publicKey(seed, @intCast(i)),
        };
        keys.secret[0..32].* = seedOf(seed, replica);
        keys.secret[32..].* = keys.others[replica];
    }

    pub fn sign(keys: *const Keys, statement: Statement) Signature {
        var signature = Signature{ .bytes = @splat(0), .size = keys.scheme.signatureSize() };
        const bytes = statement.encode();
        switch (keys.scheme) {
            .hmac => SipHash.create(signature.bytes[0..SipHash.mac_length], &bytes, keys.secret[0..16]),
            .ed25519 => signature.bytes = ed25519.sign(&keys.secret, &bytes),
        }
        return signature;
    }

    /// `signature` must be as long as the scheme says, `signer` a replica of the cluster.
    pub fn verify(keys: *const Keys, signer: u16, statement: Statement, signature: []const u8) bool {
        const bytes = statement.encode();
        const key = &keys.others[signer];
        switch (keys.scheme) {
            .hmac => {
                var right: [SipHash.mac_length]u8 = undefined;
                SipHash.create(&right, &bytes, key[0..16]);
                return std.mem.eql(u8, &right, signature);
            },
            .ed25519 => return verifyOnce(key, &bytes, signature[0..signature_max]),
        }
    }
};

fn seedOf(seed: u64, replica: u16) [32]u8 {
    var hash = Sha256.init(.{});
    hash.update("lockstep hotstuff key");
    hash.update(&std.mem.toBytes(std.mem.nativeToLittle(u64, seed)));
    hash.update(&std.mem.toBytes(std.mem.nativeToLittle(u16, replica)));
    return hash.finalResult();
}

/// Public keys of the seed asked for last: the nodes of a cluster need the same ones, and each takes as
/// long as a signature.
var memo: struct { seed: u64, known: u32, keys: [limits.replicas_max][32]u8 } = .{
    .seed = 0,
    .known = 0,
    .keys = @splat(@splat(0)),
};

fn publicKey(seed: u64, replica: u16) [32]u8 {
    if (memo.seed != seed) {
        memo.seed = seed;
        memo.known = 0;
    }
    const bit = @as(u32, 1) << @intCast(replica);
    if (memo.known & bit == 0) {
        memo.keys[replica] = ed25519.publicKey(&seedOf(seed, replica));
        memo.known |= bit;
    }
    return memo.keys[replica];
}

/// Signatures that were found right, by the hash of key, statement and signature: the nodes of a cluster check
/// the same ones, and each check takes as long as hundreds of events.
var checked: [256]Hash = @splat(no_hash);

fn verifyOnce(key: *const [32]u8, bytes: []const u8, signature: *const [signature_max]u8) bool {
    var hash = Sha256.init(.{});
    hash.update(key);
    hash.update(bytes);
    hash.update(signature);
    const name = hash.finalResult();
    const known = &checked[name[0]];
    if (std.mem.eql(u8, known, &name)) return true;
    if (!ed25519.verify(key, bytes, signature)) return false;
    known.* = name;
    return true;
}
