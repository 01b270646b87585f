// Package sdk is what every guest written in Go shares, so that an algorithm is only its handlers.
//
// A guest reads events on stdin and writes one observation per event on stdout (little-endian):
//
//	event        u32 size | u16 node | u8 kind | body          size counts what follows it
//	observation  u32 size | u16 outcome | u8[32] state hash | u16 action count | actions
//	action       u8 kind | u32 size | body
//
// An algorithm implements Algorithm and Node; main calls Run. An outcome is OK, Malformed (which
// drops the actions), Unsupported, or a number from 16 on that Description.Outcomes names. All byte
// slices that a handler gets lie in the event's buffer: copy what must stay.
package sdk

// The outcomes that every guest shares; an algorithm's own start at 16.
const (
	OK          uint16 = 0
	Malformed   uint16 = 1
	UnknownNode uint16 = 2
	Unsupported uint16 = 3
)

// Algorithm is what nodes have in common.
type Algorithm interface {
	// Describe says what this guest is.
	Describe() Description
	// Start makes a node from nothing. With Malformed the node stays what it was, and nil is right.
	// The SDK has checked replica, n and schedule.
	Start(init Init, out *Out) (Node, uint16)
	// Decode gives a message for people: what JSON can hold, or nil and Malformed.
	Decode(message []byte) (any, uint16)
}

// Node is one replica. A handler returns an outcome.
type Node interface {
	Deliver(sender uint16, message []byte, out *Out) uint16
	Timeout(view uint64, out *Out) uint16
	Command(client, sequence uint64, data []byte, out *Out) uint16
	// Forge reports the message changed by the mutation and signed again; state does not change.
	Forge(mutation uint16, choice uint64, message []byte, out *Out) uint16
	// StateHash is a function of the present state, not of the way to it; see Hash.
	StateHash() [32]byte
	// Inspect gives the whole state for people: what JSON can hold.
	Inspect() any
}

// Closer is a node that holds more than memory, goroutines say; the SDK closes what Start replaces.
type Closer interface{ Close() }

// Init is the body of an init event. Schedule are the leaders of views 1, 2, ...; after them,
// replicas take turns.
type Init struct {
	Replica  uint16
	N        uint16
	Seed     uint64
	Schedule []uint16
	Options  []byte
}

// Leader is the leader of a view; views count from 1.
func (init Init) Leader(view uint64) uint16 {
	if view > 0 && view <= uint64(len(init.Schedule)) {
		return init.Schedule[view-1]
	}
	return uint16((view - 1) % uint64(init.N))
}

// Run answers events until the input ends, and does not return.
func Run(algorithm Algorithm) {
	run(newDispatch(algorithm))
}
