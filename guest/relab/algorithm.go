package main

import (
	"encoding/binary"

	"github.com/relab/hotstuff/consensus"
	"github.com/relab/hotstuff/consensus/chainedhotstuff"
	"github.com/relab/hotstuff/consensus/fasthotstuff"
	"github.com/relab/hotstuff/consensus/simplehotstuff"

	"lockstep/sdk"
)

const (
	nodesMax    = 48
	replicasMin = 4
	replicasMax = 13
	optionsSize = 3
	// eventCost is the CPU of an event, relative to guests whose events are cheap: Ed25519 is not.
	eventCost = 10
)

// ruleSets are the protocols that differ in when to vote and when to commit.
var ruleSets = []struct {
	name string
	make func() consensus.Rules
}{
	{"chained", chainedhotstuff.New},
	{"simple", simplehotstuff.New},
	{"fast", fasthotstuff.New},
}

type algorithm struct{}

func (algorithm) Describe() sdk.Description {
	return sdk.Description{
		Name:     "relab",
		Version:  "0.5.0",
		Nodes:    nodesMax,
		Replicas: [2]uint16{replicasMin, replicasMax},
		Outcomes: outcomeNames(),
		Options: []sdk.Option{
			{Name: "rules", Size: 1, Values: ruleValues()},
			{Name: "base timeout", Size: 2, Values: []sdk.OptionValue{
				{Name: "200 ms", Value: 200},
				{Name: "1 s", Value: 1000},
				{Name: "50 ms", Value: 50},
			}},
		},
		Messages:  messageKinds(),
		Mutations: mutationTable(),
	}
}

func ruleValues() (values []sdk.OptionValue) {
	for number, rules := range ruleSets {
		values = append(values, sdk.OptionValue{Name: rules.name, Value: uint64(number), Cost: eventCost})
	}
	return values
}

func (algorithm) Start(init sdk.Init, out *sdk.Out) (sdk.Node, uint16) {
	options := init.Options
	if len(options) != optionsSize || int(options[0]) >= len(ruleSets) {
		return nil, sdk.Malformed
	}
	n := newNode(init, ruleSets[options[0]].make(), binary.LittleEndian.Uint16(options[1:]))
	return n, n.start(out)
}

func (algorithm) Decode(message []byte) (any, uint16) {
	found, ok := parse(message)
	if !ok {
		return nil, sdk.Malformed
	}
	return found.tell(), sdk.OK
}
