//! Bounds of everything. What they cost together is one `Node` (node.zig), below 54 KiB.

pub const replicas_min = 4;
pub const replicas_max = 31;
/// n - f of the largest cluster.
pub const quorum_max = 21;

/// Views from messages stay below, so that a view can be counted on from.
pub const view_max = 1 << 48;

pub const command_size_max = 64;
/// Commands in one block.
pub const commands_max = 4;
/// Commands that wait for a block.
pub const queue_max = 32;
/// Clients whose commands are executed, and how far behind its newest a client's sequence may be.
pub const clients_max = 32;
pub const window_max = 64;

/// Blocks kept: those not committed, and the newest of the others to serve fetches.
/// A node takes no block more when a chain grows this long without three consecutive views in it, and one that
/// is further behind, or starts again later, finds no one who still has the blocks that it misses.
pub const blocks_max = 20;
/// Blocks of one view kept from proposals: the second is evidence, a third would be spam.
pub const proposals_max = 2;

pub const schedule_max = 128;
pub const application_size = 512;

/// A timer's delay doubles with each view in a row that failed, this often at most.
pub const backoff_max = 5;
pub const base_timeout_max_ms = 60_000;

pub const hash_size = 32;
