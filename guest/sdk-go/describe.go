package sdk

const protocolVersion = 1

// Description is what a guest says of itself. Nodes is how many it can hold, Replicas the smallest
// and the largest cluster.
type Description struct {
	Name      string            `json:"name"`
	Version   string            `json:"version"`
	Nodes     uint16            `json:"nodes"`
	Replicas  [2]uint16         `json:"replicas"`
	Outcomes  map[uint16]string `json:"outcomes"`
	Options   []Option          `json:"options,omitempty"`
	Messages  []MessageKind     `json:"messages,omitempty"`
	Mutations []Mutation        `json:"mutations,omitempty"`
}

// Option is one option of init, Size bytes; all in a row are Init.Options.
type Option struct {
	Name   string        `json:"name"`
	Size   int           `json:"size"`
	Values []OptionValue `json:"values"`
}

// OptionValue is a value that an option can take; Cost is CPU per event relative to the cheapest.
type OptionValue struct {
	Name  string `json:"name"`
	Value uint64 `json:"value"`
	Cost  int    `json:"cost,omitempty"`
}

// MessageKind is a kind of message, by its first byte. Once is a range of bytes: a correct replica
// never sends two different messages of this kind that are equal there.
type MessageKind struct {
	Number byte    `json:"number"`
	Name   string  `json:"name"`
	Once   *[2]int `json:"once,omitempty"`
}

// Mutation is a change that Forge can make to messages of these kinds.
type Mutation struct {
	Number   uint16 `json:"number"`
	Name     string `json:"name"`
	Messages []int  `json:"messages"`
}

// said is a Description with what the SDK knows: memory that is collected has no digest.
type said struct {
	Description
	Protocol int  `json:"protocol"`
	Digest   bool `json:"digest"`
}

func (d Description) complete() said {
	outcomes := map[uint16]string{
		OK: "ok", Malformed: "malformed", UnknownNode: "unknown node", Unsupported: "unsupported",
	}
	for number, name := range d.Outcomes {
		outcomes[number] = name
	}
	d.Outcomes = outcomes
	return said{d, protocolVersion, false}
}
