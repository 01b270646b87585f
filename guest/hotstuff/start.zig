//! How a node begins: its options, its keys, the first block.

const std = @import("std");
const sdk = @import("sdk");
const blocks = @import("block.zig");
const certificates = @import("certificate.zig");
const execution = @import("execution.zig");
const hash = @import("hash.zig");
const keys = @import("keys.zig");
const limits = @import("limits.zig");
const nodes = @import("node.zig");

const Hash = keys.Hash;
const Node = nodes.Node;

/// u8 scheme | u8 commands a block | u16 base timeout in ms
const Options = struct {
    scheme: keys.Scheme,
    batch: u8,
    base_timeout_ms: u16,

    fn parse(bytes: []const u8) sdk.Malformed!Options {
        var reader = sdk.Reader.init(bytes);
        const options = Options{
            .scheme = std.meta.intToEnum(keys.Scheme, try reader.int(u8)) catch return error.Malformed,
            .batch = try reader.int(u8),
            .base_timeout_ms = try reader.int(u16),
        };
        try reader.end();
        const sound = options.batch >= 1 and options.batch <= limits.commands_max and
            options.base_timeout_ms >= 1 and options.base_timeout_ms <= limits.base_timeout_max_ms;
        return if (sound) options else error.Malformed;
    }
};

/// Leaves `node` untouched when `p` is malformed.
pub fn start(node: *Node, p: sdk.Init) sdk.Malformed!void {
    const options = try Options.parse(p.options);
    if (p.scheduled() > limits.schedule_max) return error.Malformed;
    @memset(std.mem.asBytes(node), 0);
    setUp(node, p, options);
    plant(node, p);
    node.setup.digest = hash.ofSetup(node);
    node.last_timeout.digest = node.last_timeout.hash();
    node.application_hash = execution.hashApplication(node);
    node.view = 1;
}

fn setUp(node: *Node, p: sdk.Init, options: Options) void {
    const setup = &node.setup;
    setup.replica = p.replica;
    setup.n = p.n;
    setup.scheme = options.scheme;
    setup.batch = options.batch;
    setup.base_timeout_ms = options.base_timeout_ms;
    setup.scheduled = @intCast(p.scheduled());
    for (setup.schedule[0..setup.scheduled], 0..) |*leader, at| leader.* = @intCast(p.leader(@intCast(at)));
    node.keys.derive(options.scheme, p.seed, p.n, p.replica);
}

/// The first block, committed from the start. Its parent names the cluster, so that clusters share no block.
fn plant(node: *Node, p: sdk.Init) void {
    var cluster = keys.no_hash;
    std.mem.writeInt(u64, cluster[0..8], p.seed, .little);
    std.mem.writeInt(u16, cluster[8..10], p.n, .little);
    var buffer: [blocks.size_max]u8 = undefined;
    const encoded = blocks.Encoded.write(.{
        .view = 0,
        .height = 0,
        .proposer = 0,
        .parent = &cluster,
        .justify = certify(0, &cluster, node.setup.scheme),
        .commands = .none,
    }, &buffer);
    node.genesis = encoded.hash();
    node.tree.head = node.tree.insert(encoded, &node.genesis, .committed, &node.genesis).?;
    node.high.set(certify(0, &node.genesis, node.setup.scheme));
    node.lock = .{ .view = 0, .block = node.genesis };
    node.voted = node.lock;
}

fn certify(view: u64, block: *const Hash, scheme: keys.Scheme) certificates.Certificate {
    return .{ .view = view, .block = block, .scheme = scheme, .shares = &.{} };
}
