package sdk

import (
	"crypto/sha256"
	"hash"
)

// Hash hashes a state: values in a row, slices with their lengths.
type Hash struct {
	digest hash.Hash
	writer Writer
}

// NewHash begins a hash.
func NewHash() *Hash { return &Hash{digest: sha256.New()} }

// U64 adds a number.
func (h *Hash) U64(values ...uint64) *Hash {
	h.writer.Bytes = h.writer.Bytes[:0]
	for _, value := range values {
		h.writer.U64(value)
	}
	h.digest.Write(h.writer.Bytes)
	return h
}

// Bytes adds bytes and their length.
func (h *Hash) Bytes(bytes []byte) *Hash {
	h.U64(uint64(len(bytes)))
	h.digest.Write(bytes)
	return h
}

// Sum is the hash of all that was added.
func (h *Hash) Sum() (sum [32]byte) {
	h.digest.Sum(sum[:0])
	return sum
}
