package main

import (
	"context"

	"github.com/relab/hotstuff"

	"lockstep/sdk"
)

const (
	batchMax    = 4
	commandsMax = 1024
)

type key struct{ client, sequence uint64 }

func keyOf(command sdk.Command) key { return key{command.Client, command.Sequence} }

// mempool is what relab asks for commands: its CommandQueue, Acceptor, ExecutorExt and
// ForkHandlerExt. A (client, sequence) executes once, in however many blocks it stands.
type mempool struct {
	node     *node
	pending  []sdk.Command
	known    map[key]bool
	proposed map[key]bool
	executed map[key]bool
	height   uint64
	head     hotstuff.Hash
	state    [32]byte
}

func newMempool(n *node) *mempool {
	return &mempool{node: n, known: map[key]bool{}, proposed: map[key]bool{}, executed: map[key]bool{}}
}

func (m *mempool) add(command sdk.Command) uint16 {
	switch {
	case m.executed[keyOf(command)]:
		return commandExecuted
	case m.known[keyOf(command)]:
		return commandKnown
	case len(m.pending) == commandsMax:
		return commandsFull
	}
	m.known[keyOf(command)] = true
	m.pending = append(m.pending, command)
	return commandQueued
}

// Get gives the next batch. An empty one is better than none, without which the view would stall.
func (m *mempool) Get(context.Context) (hotstuff.Command, bool) {
	var batch []sdk.Command
	for _, command := range m.pending {
		if len(batch) < batchMax && !m.proposed[keyOf(command)] {
			batch = append(batch, command)
		}
	}
	return encodeBatch(batch), true
}

// Accept says whether a batch can be read.
func (m *mempool) Accept(batch hotstuff.Command) bool {
	_, ok := decodeBatch(batch)
	return ok
}

// Proposed notes that a batch is certified, and need not be proposed again.
func (m *mempool) Proposed(batch hotstuff.Command) {
	commands, _ := decodeBatch(batch)
	for _, command := range commands {
		m.proposed[keyOf(command)] = true
	}
}

// Fork notes that a block will never be final: what was in it must be proposed again.
func (m *mempool) Fork(block *hotstuff.Block) {
	commands, _ := decodeBatch(block.Command())
	for _, command := range commands {
		delete(m.proposed, keyOf(command))
	}
}

// Exec executes a block that is final.
func (m *mempool) Exec(block *hotstuff.Block) {
	batch, _ := decodeBatch(block.Command())
	var done []sdk.Command
	for _, command := range batch {
		if m.executed[keyOf(command)] {
			continue
		}
		m.executed[keyOf(command)] = true
		m.state = sdk.NewHash().Bytes(m.state[:]).U64(command.Client, command.Sequence).
			Bytes(command.Data).Sum()
		done = append(done, command)
	}
	m.forget(done)
	m.height++
	m.head = block.Hash()
	m.node.committed = true
	m.node.out.Commit(m.height, m.head, m.state, done)
}

func (m *mempool) forget(done []sdk.Command) {
	kept := m.pending[:0]
	for _, command := range m.pending {
		if !m.executed[keyOf(command)] {
			kept = append(kept, command)
		}
	}
	m.pending = kept
	for _, command := range done {
		delete(m.known, keyOf(command))
		delete(m.proposed, keyOf(command))
	}
}

// encodeBatch makes a block's command: u16 count, then u64 client, u64 sequence, u32 size, bytes.
func encodeBatch(commands []sdk.Command) hotstuff.Command {
	var w sdk.Writer
	w.U16(uint16(len(commands)))
	for _, command := range commands {
		w.U64(command.Client)
		w.U64(command.Sequence)
		w.Sized(command.Data)
	}
	return hotstuff.Command(w.Bytes)
}

func decodeBatch(batch hotstuff.Command) (commands []sdk.Command, ok bool) {
	r := sdk.Reader{Bytes: []byte(batch)}
	for count := r.U16(); count > 0 && !r.Failed; count-- {
		commands = append(commands, sdk.Command{Client: r.U64(), Sequence: r.U64(), Data: r.Sized()})
	}
	if !r.Done() {
		return nil, false
	}
	return commands, true
}
