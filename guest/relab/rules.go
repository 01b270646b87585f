package main

import (
	"github.com/relab/hotstuff"
	"github.com/relab/hotstuff/consensus"
	"github.com/relab/hotstuff/modules"

	"lockstep/sdk"
)

// leaders is relab's modules.LeaderRotation: the schedule of the init event.
type leaders struct{ init sdk.Init }

func (l leaders) GetLeader(view hotstuff.View) hotstuff.ID {
	return hotstuff.ID(l.init.Leader(uint64(view))) + 1
}

// stamped proposes as relab does by default, but for the block's time: its view, and no clock.
type stamped struct {
	consensus.Rules
	opts *modules.Options
	sync modules.Synchronizer
}

// InitModule is called by relab.
func (s *stamped) InitModule(mods *modules.Core) {
	mods.Get(&s.opts, &s.sync)
	if module, ok := s.Rules.(modules.Module); ok {
		module.InitModule(mods)
	}
}

// ProposeRule is called by relab; it is its consensus.ProposeRuler.
func (s *stamped) ProposeRule(sync hotstuff.SyncInfo, command hotstuff.Command) (hotstuff.ProposeMsg, bool) {
	qc, _ := sync.QC()
	view := s.sync.View()
	block := newBlock(qc.BlockHash(), qc, command, view, s.opts.ID(), uint64(view))
	proposal := hotstuff.ProposeMsg{ID: s.opts.ID(), Block: block}
	if aggregate, ok := sync.AggQC(); ok && s.opts.ShouldUseAggQC() {
		proposal.AggregateQC = &aggregate
	}
	return proposal, true
}
