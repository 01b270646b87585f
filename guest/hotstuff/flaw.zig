//! Deliberate mistakes, one a build, for tests of what must find them. `none` is what ships; the others cost
//! it nothing. Each says with how little it goes wrong: F is the one faulty replica of n >= 4.

pub const Flaw = enum {
    none,

    /// A block is final when its child is certified. The leader L of view v knows the certificate of b(v-1) and
    /// commits b(v-2); its proposal is lost, or reaches few. F leads v + 1, with the certificate of b(v-3)
    /// (stale certificate): the others are locked no higher and vote for it, n - 2 of them, enough for n >= 7, or
    /// for n = 4 with a vote of F's twin. What they commit has another block in place of b(v-2).
    two_chain_commit,

    /// A certificate counts signatures, not signers. F's proposal of view w is built on a committed block (stale
    /// certificate): all keep it, nobody votes. In w + 1, or before the lock passes w, F proposes a block on
    /// that one, with F's own signature n - f times (one signers certificate): it is above everyone's lock.
    duplicate_signers,

    /// The parent need not be the block that the certificate is for. F proposes with the newest certificate
    /// and a committed block as parent (other parent): all vote, as the certificate is above their lock.
    no_parent_check,

    /// A replica votes for each proposal of its view. F, or F and its twin, sends two (other commands).
    votes_twice,

    /// The end of a view by timeouts sets the lock back to the first block. In the next view F proposes with the
    /// certificate of a committed block (stale certificate).
    forgets_lock,

    /// A vote's signature leaves out the view, and no one compares the certificate's view with its block's. F
    /// proposes on a committed block with its certificate, the view made v - 1 (raised certificate view).
    unsigned_view,

    /// n - f - 1 signers are a quorum. Each half of a partition holds F or its twin and goes on alone.
    quorum_minus_one,

    /// Commands are executed as they come. F proposes one again (repeated commands).
    executes_twice,
};

const chosen: Flaw = @import("build_options").flaw;

pub inline fn has(comptime flaw: Flaw) bool {
    return chosen == flaw;
}
