//! One replica's whole state. Nothing in it is private to a file, and each field has one file that changes it.

const ballots = @import("ballots.zig");
const certificates = @import("certificate.zig");
const clients = @import("clients.zig");
const keys = @import("keys.zig");
const limits = @import("limits.zig");
const queues = @import("queue.zig");
const trees = @import("tree.zig");

const Hash = keys.Hash;

/// What `init` said; it never changes.
pub const Setup = struct {
    replica: u16,
    n: u16,
    scheme: keys.Scheme,
    /// At most this many commands in a block of ours.
    batch: u8,
    base_timeout_ms: u16,
    scheduled: u16,
    schedule: [limits.schedule_max]u8,
    /// Of all the above and the keys.
    digest: [32]u8,
};

/// A block by its view and hash.
pub const Point = struct {
    view: u64,
    block: Hash,
};

pub const Node = struct {
    setup: Setup,
    keys: keys.Keys,
    genesis: Hash,

    // pacemaker.zig
    view: u64,
    /// The view of the last timer that was set.
    timer_view: u64,
    /// How many views in a row ended without a certificate.
    failures: u64,
    timed_out: bool,
    timeouts: ballots.Ballots,
    last_timeout: certificates.Stored,

    // safety.zig
    voted: Point,
    lock: Point,
    high: certificates.Stored,

    // proposer.zig
    proposed_view: u64,

    votes: ballots.Ballots,
    tree: trees.Tree,

    // execution.zig
    queue: queues.Queue,
    clients: clients.Clients,
    application: [limits.application_size]u8 align(8),
    application_hash: [32]u8,

    pub fn quorum(node: *const Node) u16 {
        return certificates.quorum(node.setup.n);
    }

    /// Of this many replicas one is correct.
    pub fn someCorrect(node: *const Node) u16 {
        return (node.setup.n - 1) / 3 + 1;
    }

    /// Views count from 1.
    pub fn leader(node: *const Node, view: u64) u16 {
        if (view == 0) return 0;
        if (view <= node.setup.scheduled) return node.setup.schedule[@intCast(view - 1)];
        return @intCast((view - 1) % node.setup.n);
    }

    pub fn leads(node: *const Node, view: u64) bool {
        return node.leader(view) == node.setup.replica;
    }

    pub fn highCertificate(node: *const Node) certificates.Certificate {
        return node.high.get(node.setup.scheme);
    }

    /// The newest certificate of a timeout, unless a block's is newer.
    pub fn timeoutCertificate(node: *const Node) ?certificates.Certificate {
        if (node.last_timeout.view <= node.high.view) return null;
        return node.last_timeout.get(node.setup.scheme);
    }

    /// Whether the block of the newest certificate is here, and all below it.
    pub fn highBlock(node: *const Node) ?trees.Slot {
        return node.tree.findConnected(&node.high.block);
    }

    pub fn head(node: *const Node) *const trees.Entry {
        return &node.tree.entries[node.tree.head];
    }
};
