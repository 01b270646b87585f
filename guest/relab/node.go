package main

import (
	"context"
	"time"

	"github.com/relab/hotstuff"
	"github.com/relab/hotstuff/consensus"
	"github.com/relab/hotstuff/crypto"
	"github.com/relab/hotstuff/crypto/eddsa"
	"github.com/relab/hotstuff/eventloop"
	"github.com/relab/hotstuff/modules"
	"github.com/relab/hotstuff/synchronizer"

	"lockstep/sdk"
)

const (
	queueMax = 256
	// never is the time of relab's own timers: a timeout comes as an event of the protocol.
	never     = 1_000_000 * time.Hour
	cacheSize = 100
	recentMax = 16
)

// node is one replica: relab's modules, wired as its own twins tests do, and what they ask for.
type node struct {
	init      sdk.Init
	id        hotstuff.ID
	timeoutMs uint32

	loop      *eventloop.EventLoop
	chain     *chain
	consensus modules.Consensus
	sync      *synchronizer.Synchronizer
	crypto    modules.Crypto
	commands  *mempool
	log       *logger
	turn      *turn

	out     *sdk.Out
	waiting [][]byte          // messages that came while relab waits for a block, sender first
	recent  []*hotstuff.Block // seen last, for who forges

	committed, voted, proposed, entered bool // in this event
	isStuck                             bool // for ever
}

func newNode(init sdk.Init, rules consensus.Rules, timeoutMs uint16) *node {
	n := &node{
		init: init, id: hotstuff.ID(init.Replica) + 1, timeoutMs: uint32(timeoutMs),
		loop: eventloop.New(cacheSize), log: &logger{}, turn: newTurn(),
		crypto: crypto.NewCache(eddsa.New(), cacheSize),
	}
	n.init.Schedule = append([]uint16(nil), init.Schedule...)
	n.init.Options = nil
	n.chain = newChain(n)
	n.commands = newMempool(n)
	n.consensus = consensus.New(&stamped{Rules: rules})
	n.sync = synchronizer.New(synchronizer.NewFixedViewDuration(never)).(*synchronizer.Synchronizer)
	n.build(newNetwork(n))
	return n
}

func (n *node) build(net *network) {
	builder := modules.NewBuilder(n.id, net.keys[n.init.Replica])
	builder.Add(
		n.loop, n.chain, n.consensus, consensus.NewVotingMachine(), n.crypto, n.sync, n.log,
		net, n.commands, leaders{n.init},
	)
	builder.Options().SetShouldVerifyVotesSync()
	builder.Build()
	n.loop.RegisterHandler(synchronizer.ViewChangeEvent{}, func(event any) {
		n.entered = true
		n.out.SetTimer(uint64(event.(synchronizer.ViewChangeEvent).View), n.timeoutMs)
	}, eventloop.Prioritize())
}

// start does what relab's own start does: the first leader proposes.
func (n *node) start(out *sdk.Out) uint16 {
	return n.handle(out, func() uint16 {
		out.SetTimer(uint64(n.sync.View()), n.timeoutMs)
		n.turn.do(func() {
			if (leaders{n.init}).GetLeader(n.sync.View()) == n.id {
				n.consensus.Propose(n.sync.SyncInfo())
			}
			n.run()
		})
		return n.outcome()
	})
}

// handle does one event of the protocol. A replica that has panicked does nothing any more: relab
// may have left a lock held.
func (n *node) handle(out *sdk.Out, event func() uint16) uint16 {
	if n.turn.fault != "" {
		return n.outcome()
	}
	n.out = out
	n.log.first = 0
	n.committed, n.voted, n.proposed, n.entered = false, false, false, false
	return event()
}

func (n *node) outcome() uint16 {
	switch {
	case n.isStuck:
		return stuck
	case n.turn.fault != "":
		return panicked
	case n.turn.waiting:
		return waitsForBlock
	case n.log.first != 0:
		return n.log.first
	case n.committed:
		return committed
	case n.proposed:
		return proposed
	case n.voted:
		return voted
	case n.entered:
		return enteredView
	}
	return nothingNew
}

// run lets relab do all that it has to do.
func (n *node) run() {
	for n.loop.Tick(context.Background()) {
	}
}

// stuck ends the work of an event that relab would not come to an end with.
func (n *node) stuck(where string) {
	n.isStuck = true
	panic("stuck: " + where)
}

func (n *node) Command(client, sequence uint64, data []byte, _ *sdk.Out) uint16 {
	return n.handle(nil, func() uint16 {
		return n.commands.add(sdk.Command{
			Client: client, Sequence: sequence, Data: append([]byte(nil), data...),
		})
	})
}

func (n *node) Timeout(view uint64, out *sdk.Out) uint16 {
	return n.handle(out, func() uint16 {
		if n.turn.waiting {
			n.turn.resume(nil)
			n.catchUp()
		}
		if n.ready() && hotstuff.View(view) == n.sync.View() {
			out.SetTimer(view, n.timeoutMs)
			n.turn.do(func() {
				n.loop.AddEvent(synchronizer.TimeoutEvent{View: hotstuff.View(view)})
				n.run()
			})
			if outcome := n.outcome(); outcome != nothingNew {
				return outcome
			}
			return timedOut
		}
		return n.outcome()
	})
}

func (n *node) Deliver(sender uint16, bytes []byte, out *sdk.Out) uint16 {
	return n.handle(out, func() uint16 {
		if sender >= n.init.N {
			return stranger
		}
		m, ok := parse(bytes)
		if !ok {
			return sdk.Malformed
		}
		return n.take(sender, m, bytes)
	})
}

func (n *node) take(sender uint16, m message, bytes []byte) uint16 {
	switch {
	case m.kind == requestKind:
		return n.lend(sender, m.hash)
	case m.kind == blockKind && !(n.turn.waiting && m.block.Hash() == n.turn.wanted):
		return blockNotAskedFor
	case m.kind == blockKind:
		n.remember(m.block)
		n.turn.resume(m.block)
		n.catchUp()
		return n.outcome()
	case n.turn.waiting && len(n.waiting) == queueMax:
		return queueFull
	case n.turn.waiting:
		w := sdk.Writer{}
		w.U16(sender)
		w.Put(bytes)
		n.waiting = append(n.waiting, w.Bytes)
		return queuedMessage
	}
	n.work(sender, m)
	return n.outcome()
}

func (n *node) work(sender uint16, m message) {
	if m.block != nil {
		n.remember(m.block)
	}
	n.turn.do(func() {
		n.loop.AddEvent(m.event(hotstuff.ID(sender) + 1))
		n.run()
	})
}

// lend answers a request for a block.
func (n *node) lend(to uint16, hash hotstuff.Hash) uint16 {
	block, ok := n.chain.LocalGet(hash)
	if !ok {
		return blockUnknown
	}
	n.out.Send(to, message{kind: blockKind, block: block}.encode())
	return blockSent
}

func (n *node) ready() bool { return !n.turn.waiting && n.turn.fault == "" }

// catchUp handles what came while relab waited, until it waits again.
func (n *node) catchUp() {
	for len(n.waiting) > 0 && n.ready() {
		r := sdk.Reader{Bytes: n.waiting[0]}
		n.waiting = n.waiting[1:]
		sender := r.U16()
		if m, ok := parse(r.Rest()); ok {
			n.work(sender, m)
		}
	}
}

func (n *node) remember(block *hotstuff.Block) {
	n.recent = append(n.recent, block)
	if len(n.recent) > recentMax {
		n.recent = n.recent[1:]
	}
}

// Close ends the goroutine of a node that is replaced.
func (n *node) Close() { n.turn.close() }
