package sdk

import (
	"encoding/binary"
	"encoding/json"
)

const (
	initEvent     = 1
	deliverEvent  = 2
	timeoutEvent  = 3
	commandEvent  = 4
	forgeEvent    = 5
	inspectEvent  = 6
	digestEvent   = 7
	decodeEvent   = 8
	describeEvent = 9
)

// dispatch goes from an event to the algorithm's handler: it finds the node, reads the body and
// names the outcome.
type dispatch struct {
	algorithm   Algorithm
	description Description
	nodes       []Node
	out         Out
}

func newDispatch(algorithm Algorithm) *dispatch {
	description := algorithm.Describe()
	nodes := make([]Node, description.Nodes)
	return &dispatch{algorithm: algorithm, description: description, nodes: nodes}
}

// answer appends the observation for event, which is what follows the size.
func (d *dispatch) answer(event, to []byte) []byte {
	number, kind, body := binary.LittleEndian.Uint16(event), event[2], event[3:]
	d.out.reset()
	outcome := d.outcome(number, kind, body)
	if outcome == Malformed {
		d.out.reset()
	}
	return d.out.frame(to, outcome, d.state(number, kind))
}

func (d *dispatch) outcome(number uint16, kind byte, body []byte) uint16 {
	switch kind {
	case initEvent:
		return d.start(number, body)
	case deliverEvent, timeoutEvent, commandEvent, forgeEvent, inspectEvent:
		node := d.find(number)
		if node == nil {
			return UnknownNode
		}
		return d.handle(node, kind, body)
	case decodeEvent:
		found, outcome := d.algorithm.Decode(body)
		return d.tell(found, outcome)
	case describeEvent:
		if len(body) > 0 {
			return Malformed
		}
		return d.tell(d.description.complete(), OK)
	default:
		return Unsupported
	}
}

func (d *dispatch) find(number uint16) Node {
	if int(number) >= len(d.nodes) {
		return nil
	}
	return d.nodes[number]
}

func (d *dispatch) start(number uint16, body []byte) uint16 {
	if int(number) >= len(d.nodes) {
		return UnknownNode
	}
	init, ok := parseInit(body)
	if !ok || init.N < d.description.Replicas[0] || init.N > d.description.Replicas[1] {
		return Malformed
	}
	node, outcome := d.algorithm.Start(init, &d.out)
	if outcome == Malformed {
		return Malformed
	}
	if old, ok := d.nodes[number].(Closer); ok {
		old.Close()
	}
	d.nodes[number] = node
	return outcome
}

func (d *dispatch) handle(node Node, kind byte, body []byte) uint16 {
	r := Reader{Bytes: body}
	switch kind {
	case deliverEvent:
		if sender := r.U16(); !r.Failed {
			return node.Deliver(sender, r.Rest(), &d.out)
		}
	case timeoutEvent:
		if view := r.U64(); r.Done() {
			return node.Timeout(view, &d.out)
		}
	case commandEvent:
		if client, sequence := r.U64(), r.U64(); !r.Failed {
			return node.Command(client, sequence, r.Rest(), &d.out)
		}
	case forgeEvent:
		if mutation, choice := r.U16(), r.U64(); !r.Failed {
			return node.Forge(mutation, choice, r.Rest(), &d.out)
		}
	case inspectEvent:
		if r.Done() {
			return d.tell(node.Inspect(), OK)
		}
	}
	return Malformed
}

// tell reports what was found as JSON.
func (d *dispatch) tell(found any, outcome uint16) uint16 {
	if outcome == Malformed || found == nil {
		return outcome
	}
	text, err := json.Marshal(found)
	if err != nil {
		panic(err)
	}
	d.out.Report(text)
	return outcome
}

// state is asked after the handler, and is zeros for what belongs to no node.
func (d *dispatch) state(number uint16, kind byte) (none [32]byte) {
	if kind < initEvent || kind > inspectEvent {
		return none
	}
	if node := d.find(number); node != nil {
		return node.StateHash()
	}
	return none
}
