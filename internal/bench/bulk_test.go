package bench

import "testing"

// A bulk transfer is counted to its last byte, whatever its size, one after the other on one connection.
func TestBulk(t *testing.T) {
	p := newNodePair(t, nil)
	s := p.session(t)
	for _, tr := range p.a.transports {
		x, err := newBulkOver(s, tr)
		if err != nil {
			t.Fatal(err)
		}
		for _, total := range []int{1, bulkChunk, 3*bulkChunk + 17} {
			took, err := x.transfer(total)
			if err != nil || took <= 0 {
				t.Errorf("%s: %d bytes: %v, %v", tr.layer, total, took, err)
			}
		}
	}
}

// The answer comes with the last byte, not before, however the bytes are cut.
func TestBulkReceiver(t *testing.T) {
	stream := append(bulkHeader(100), make([]byte, 100)...)
	for step := 1; step <= len(stream); step++ {
		var r bulkReceiver
		for at := 0; at < len(stream); at += step {
			end := min(at+step, len(stream))
			if done := r.add(stream[at:end]); done != (end == len(stream)) {
				t.Fatalf("portions of %d: after %d bytes: done is %v", step, end, done)
			}
		}
	}
}
