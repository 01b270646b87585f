package main

import (
	"fmt"
	"runtime"

	"github.com/relab/hotstuff"
)

// turn is relab at work on one event. It runs as a goroutine of its own, of which one at a time
// goes on, since relab fetches a block by waiting for it: meanwhile the event is answered, and the
// block comes with a later one.
type turn struct {
	yielded chan struct{}
	resumed chan *hotstuff.Block
	waiting bool
	closed  bool
	wanted  hotstuff.Hash
	fault   string
}

func newTurn() *turn {
	return &turn{yielded: make(chan struct{}), resumed: make(chan *hotstuff.Block)}
}

// do runs work until it is done, waits for a block, or panics.
func (t *turn) do(work func()) {
	go func() {
		defer func() {
			if fault := recover(); fault != nil {
				t.fault = fmt.Sprint(fault)
			}
			t.yielded <- struct{}{}
		}()
		work()
	}()
	<-t.yielded
}

// wait is called by the work; it gives nil where the block does not come in time.
func (t *turn) wait(wanted hotstuff.Hash) *hotstuff.Block {
	t.waiting, t.wanted = true, wanted
	t.yielded <- struct{}{}
	block := <-t.resumed
	if t.closed {
		runtime.Goexit()
	}
	t.waiting = false
	return block
}

// resume lets the work go on with the block that it waits for, or without.
func (t *turn) resume(block *hotstuff.Block) {
	t.resumed <- block
	<-t.yielded
}

// close ends work that waits.
func (t *turn) close() {
	if t.waiting {
		t.closed = true
		t.resume(nil)
	}
}
