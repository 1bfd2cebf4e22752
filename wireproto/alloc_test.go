package wireproto

import "testing"

// kilobyteExchange is the codec's share of a write() of 1 KiB, lazily: all four messages, each encoded and decoded.
// It returns something of every message, so that none is optimised away.
func kilobyteExchange(b []byte, data []byte) (uint64, error) {
	var args [MaxArgs]uint64
	b = AppendRequest(b[:0], 1, 1, []uint64{1, 0x7ffe12345678, 1024}, 0)
	req, err := ParseRequest(b)
	if err != nil {
		return 0, err
	}
	sum := uint64(req.Args(&args)) + args[1]
	b = AppendCopyinRequest(b[:0], 1, args[1], uint32(args[2]), 0)
	copyin, err := ParseCopyinRequest(b)
	if err != nil {
		return 0, err
	}
	b = AppendCopyinReply(b[:0], 1, copyin.Address, 0, data)
	reply, err := ParseCopyinReply(b)
	if err != nil {
		return 0, err
	}
	sum += uint64(len(reply.Data))
	b = AppendResult(b[:0], 1, 0, 1024, FlagTerminated)
	res, err := ParseResult(b)
	return sum + res.Value, err
}

// eagerExchange is the same with the data in the request, and a result that brings as much back.
func eagerExchange(b []byte, data []byte) (uint64, error) {
	var args [MaxArgs]uint64
	b = AppendRequest(b[:0], 1, 1, []uint64{1, 0x7ffe12345678, 1024}, FlagRanges)
	b = AppendRange(b, 0x7ffe12345678, 0, data)
	PutLength(b)
	size, err := Size(b)
	if err != nil {
		return 0, err
	}
	req, err := ParseRequest(b[:size])
	if err != nil {
		return 0, err
	}
	sum := uint64(req.Args(&args)) + args[1]
	for r, ok := req.Ranges.Next(); ok; r, ok = req.Ranges.Next() {
		sum += uint64(len(r.Data))
	}
	b = AppendResult(b[:0], 1, 0, 1024, FlagTerminated|FlagRanges)
	b = AppendRange(b, 0x7ffe12345678, 0, data)
	PutLength(b)
	res, err := ParseResult(b)
	if err != nil {
		return 0, err
	}
	for r, ok := res.Ranges.Next(); ok; r, ok = res.Ranges.Next() {
		sum += uint64(len(r.Data))
	}
	return sum + res.Value, nil
}

var exchanges = []struct {
	name string
	run  func(b, data []byte) (uint64, error)
	want uint64
}{
	{"lazy", kilobyteExchange, 3 + 0x7ffe12345678 + 1024 + 1024},
	{"eager", eagerExchange, 3 + 0x7ffe12345678 + 1024 + 1024 + 1024},
}

func TestNoAllocation(t *testing.T) {
	b, data := make([]byte, 0, 4096), make([]byte, 1024)
	for _, e := range exchanges {
		var sum uint64
		var err error
		allocs := testing.AllocsPerRun(100, func() { sum, err = e.run(b, data) })
		if err != nil || sum != e.want {
			t.Errorf("%s: %#x, %v, want %#x", e.name, sum, err, e.want)
		}
		if allocs != 0 {
			t.Errorf("%s: %v allocations", e.name, allocs)
		}
	}
}

func BenchmarkExchange(b *testing.B) {
	buf, data := make([]byte, 0, 4096), make([]byte, 1024)
	for _, e := range exchanges {
		b.Run(e.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.run(buf, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRequest(b *testing.B) {
	buf := make([]byte, 0, 64)
	args := []uint64{1, 0x7ffe12345678, 1024}
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf = AppendRequest(buf[:0], 1, 1, args, 0)
		}
	})
	message := AppendRequest(nil, 1, 1, args, 0)
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		var dst [MaxArgs]uint64
		for b.Loop() {
			r, err := ParseRequest(message)
			if err != nil || r.Args(&dst) != len(args) {
				b.Fatal("not what was appended", err)
			}
		}
	})
}
