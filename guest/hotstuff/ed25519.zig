//! Ed25519, as an object of its own: compiled for size it takes a quarter of the room that it takes for speed.

const std = @import("std");

const Ed25519 = std.crypto.sign.Ed25519;

pub const panic = std.debug.no_panic;

/// The public key that belongs to `seed`.
export fn hotstuff_ed25519_public_key(seed: *const [32]u8, key: *[32]u8) void {
    const pair = Ed25519.KeyPair.generateDeterministic(seed.*) catch unreachable;
    key.* = pair.public_key.toBytes();
}

/// `secret` is a seed and its public key.
export fn hotstuff_ed25519_sign(secret: *const [64]u8, bytes: [*]const u8, size: u32, signature: *[64]u8) void {
    const key = Ed25519.SecretKey.fromBytes(secret.*) catch unreachable;
    const pair = Ed25519.KeyPair.fromSecretKey(key) catch unreachable;
    const signed = pair.sign(bytes[0..size], null) catch unreachable;
    signature.* = signed.toBytes();
}

export fn hotstuff_ed25519_verify(key: *const [32]u8, bytes: [*]const u8, size: u32, signature: *const [64]u8) bool {
    const public = Ed25519.PublicKey.fromBytes(key.*) catch return false;
    Ed25519.Signature.fromBytes(signature.*).verify(bytes[0..size], public) catch return false;
    return true;
}
