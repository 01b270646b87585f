package sdk

import "encoding/binary"

// Reader reads little-endian bytes from the front of Bytes. What is too short sets Failed and reads
// as zeros, so that one look at the end is enough.
type Reader struct {
	Bytes  []byte
	Failed bool
}

// Take gives the next size bytes.
func (r *Reader) Take(size int) []byte {
	if size < 0 || size > len(r.Bytes) {
		r.Failed = true
		r.Bytes = nil
		return make([]byte, max(0, min(size, 8)))
	}
	taken := r.Bytes[:size]
	r.Bytes = r.Bytes[size:]
	return taken
}

// U8 reads a byte.
func (r *Reader) U8() byte { return r.Take(1)[0] }

// U16 reads two bytes.
func (r *Reader) U16() uint16 { return binary.LittleEndian.Uint16(r.Take(2)) }

// U32 reads four bytes.
func (r *Reader) U32() uint32 { return binary.LittleEndian.Uint32(r.Take(4)) }

// U64 reads eight bytes.
func (r *Reader) U64() uint64 { return binary.LittleEndian.Uint64(r.Take(8)) }

// Hash reads 32 bytes.
func (r *Reader) Hash() (hash [32]byte) {
	copy(hash[:], r.Take(32))
	return hash
}

// Sized reads bytes behind their u32 size.
func (r *Reader) Sized() []byte {
	size := r.U32()
	if uint64(size) > uint64(len(r.Bytes)) {
		r.Failed = true
		return nil
	}
	return r.Take(int(size))
}

// Rest gives all that is left.
func (r *Reader) Rest() []byte { return r.Take(len(r.Bytes)) }

// Done says whether everything was read and nothing was too short.
func (r *Reader) Done() bool { return !r.Failed && len(r.Bytes) == 0 }

// Writer appends little-endian bytes.
type Writer struct{ Bytes []byte }

// Put appends bytes.
func (w *Writer) Put(bytes []byte) { w.Bytes = append(w.Bytes, bytes...) }

// U8 appends a byte.
func (w *Writer) U8(value byte) { w.Bytes = append(w.Bytes, value) }

// U16 appends two bytes.
func (w *Writer) U16(value uint16) { w.Bytes = binary.LittleEndian.AppendUint16(w.Bytes, value) }

// U32 appends four bytes.
func (w *Writer) U32(value uint32) { w.Bytes = binary.LittleEndian.AppendUint32(w.Bytes, value) }

// U64 appends eight bytes.
func (w *Writer) U64(value uint64) { w.Bytes = binary.LittleEndian.AppendUint64(w.Bytes, value) }

// Sized appends bytes behind their u32 size.
func (w *Writer) Sized(bytes []byte) {
	w.U32(uint32(len(bytes)))
	w.Put(bytes)
}

// parseInit reads the body of an init and checks it against itself.
func parseInit(body []byte) (init Init, ok bool) {
	r := Reader{Bytes: body}
	init = Init{Replica: r.U16(), N: r.U16(), Seed: r.U64()}
	init.Schedule = make([]uint16, r.U16())
	for at := range init.Schedule {
		init.Schedule[at] = r.U16()
		if init.Schedule[at] >= init.N {
			return init, false
		}
	}
	init.Options = r.Sized()
	return init, r.Done() && init.Replica < init.N
}
