//! What ed25519.zig gives, from the outside.

extern fn hotstuff_ed25519_public_key(seed: *const [32]u8, key: *[32]u8) void;
extern fn hotstuff_ed25519_sign(secret: *const [64]u8, bytes: [*]const u8, size: u32, signature: *[64]u8) void;
extern fn hotstuff_ed25519_verify(key: *const [32]u8, bytes: [*]const u8, size: u32, signature: *const [64]u8) bool;

pub const signature_size = 64;

pub fn publicKey(seed: *const [32]u8) [32]u8 {
    var key: [32]u8 = undefined;
    hotstuff_ed25519_public_key(seed, &key);
    return key;
}

/// `secret` is a seed and its public key.
pub fn sign(secret: *const [64]u8, bytes: []const u8) [signature_size]u8 {
    var signature: [signature_size]u8 = undefined;
    hotstuff_ed25519_sign(secret, bytes.ptr, @intCast(bytes.len), &signature);
    return signature;
}

pub fn verify(key: *const [32]u8, bytes: []const u8, signature: *const [signature_size]u8) bool {
    return hotstuff_ed25519_verify(key, bytes.ptr, @intCast(bytes.len), signature);
}
