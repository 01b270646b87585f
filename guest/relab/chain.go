package main

import (
	"fmt"

	"github.com/relab/hotstuff"
	"github.com/relab/hotstuff/blockchain"
	"github.com/relab/hotstuff/modules"
)

// loopMax is how many views relab may loop over in one event; it is some milliseconds of work.
const loopMax = 100_000

// chain is relab's own block chain, watched: where relab would loop without end, the replica ends
// instead, since nothing can be compared with a guest that does not answer any more. relab keeps
// one block a view, and follows parents downwards without looking whether they go down.
type chain struct {
	modules.BlockChain
	node   *node
	atView map[hotstuff.View]*hotstuff.Block
	pruned hotstuff.View
}

func newChain(n *node) *chain {
	c := &chain{BlockChain: blockchain.New(), node: n, atView: map[hotstuff.View]*hotstuff.Block{}}
	c.atView[0] = hotstuff.GetGenesis()
	return c
}

// InitModule is called by relab.
func (c *chain) InitModule(mods *modules.Core) {
	c.BlockChain.(modules.Module).InitModule(mods)
}

// Store is called by relab.
func (c *chain) Store(block *hotstuff.Block) {
	c.BlockChain.Store(block)
	c.atView[block.View()] = block
}

// Get is called by relab; it may fetch the block, and then stores it.
func (c *chain) Get(hash hotstuff.Hash) (*hotstuff.Block, bool) {
	_, known := c.LocalGet(hash)
	block, ok := c.BlockChain.Get(hash)
	if ok && !known {
		c.atView[block.View()] = block
	}
	return block, ok
}

// PruneToHeight is called by relab after each commit.
func (c *chain) PruneToHeight(height hotstuff.View) []*hotstuff.Block {
	c.checkDescent()
	if height > c.pruned && height-c.pruned > loopMax {
		c.node.stuck(fmt.Sprintf("pruning loops over %d views", height-c.pruned))
	}
	forked := c.BlockChain.PruneToHeight(height)
	for view := height; view > c.pruned; view-- {
		delete(c.atView, view)
	}
	c.pruned = height
	return forked
}

// checkDescent follows the blocks as PruneToHeight is about to.
func (c *chain) checkDescent() {
	seen := map[hotstuff.View]bool{}
	for view := c.node.consensus.CommittedBlock().View(); view >= c.pruned; {
		block, ok := c.atView[view]
		if !ok {
			return
		}
		parent, ok := c.LocalGet(block.Parent())
		if !ok || parent.View() < c.pruned {
			return
		}
		if seen[view] {
			c.node.stuck(fmt.Sprintf("pruning comes back to view %d", view))
		}
		seen[view] = true
		view = parent.View()
	}
}
