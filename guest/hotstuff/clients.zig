//! Which commands were executed: per client its newest sequence and which of the 64 up to it. What is older, or of
//! a client for whom there is no row, is not executed at all: all replicas decide alike, from the chain alone.

const sdk = @import("sdk");
const flaw = @import("flaw.zig");
const limits = @import("limits.zig");

const Row = struct {
    client: u64,
    newest: u64,
    /// Bit i: sequence newest - i was executed.
    window: u64,

    noinline fn mark(row: *const Row) [32]u8 {
        return sdk.Hash.of(.{ row.client, row.newest, row.window });
    }

    fn isOver(row: *const Row, sequence: u64) bool {
        if (sequence > row.newest) return false;
        const age = row.newest - sequence;
        return age >= limits.window_max or row.window >> @intCast(age) & 1 == 1;
    }

    fn admit(row: *Row, sequence: u64) void {
        if (sequence > row.newest) {
            const step = sequence - row.newest;
            row.window = if (step >= limits.window_max) 0 else row.window << @intCast(step);
            row.newest = sequence;
        }
        row.window |= @as(u64, 1) << @intCast(row.newest - sequence);
    }
};

pub const Clients = struct {
    rows: [limits.clients_max]Row,
    count: u8,
    sum: sdk.Sum,

    /// Whether the command was executed, or is too old to tell.
    pub fn isOver(clients: *const Clients, client: u64, sequence: u64) bool {
        const at = clients.find(client) orelse return false;
        return clients.rows[at].isOver(sequence);
    }

    pub fn hasRoomFor(clients: *const Clients, client: u64) bool {
        return clients.count < limits.clients_max or clients.find(client) != null;
    }

    /// Whether to execute the command now; from then on it is over.
    pub fn admit(clients: *Clients, client: u64, sequence: u64) bool {
        if (clients.isOver(client, sequence)) return flaw.has(.executes_twice);
        const row = &clients.rows[clients.find(client) orelse clients.add(client) orelse return false];
        if (row.window != 0) clients.sum.remove(&row.mark());
        row.admit(sequence);
        clients.sum.add(&row.mark());
        return true;
    }

    fn find(clients: *const Clients, client: u64) ?u32 {
        for (clients.rows[0..clients.count], 0..) |*row, at| if (row.client == client) return @intCast(at);
        return null;
    }

    fn add(clients: *Clients, client: u64) ?u32 {
        if (clients.count == limits.clients_max) return null;
        clients.rows[clients.count] = .{ .client = client, .newest = 0, .window = 0 };
        defer clients.count += 1;
        return clients.count;
    }

    pub fn sumFromScratch(clients: *const Clients) sdk.Sum {
        var sum = sdk.Sum{};
        for (clients.rows[0..clients.count]) |*row| sum.add(&row.mark());
        return sum;
    }
};
