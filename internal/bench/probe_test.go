package bench

import "testing"

func TestProbe(t *testing.T) {
	for _, size := range []int{1, 4, 5, 24} {
		b := make([]byte, size)
		putProbe(b, 0x12345678)
		padded := append(b, 1, 2, 3)
		if !isProbe(b) || !isProbeNumber(b, 0x12345678, size) || !isProbeNumber(padded, 0x12345678, size) {
			t.Errorf("size %d: %x is not taken for what it is", size, b)
		}
		if isProbeNumber(b, 0x12345679, size) {
			t.Errorf("size %d: the next number is not told apart", size)
		}
		if size >= probeLongLen && isProbeNumber(b, 0x22345678, size) {
			t.Errorf("size %d: another number with the same low bits is not told apart", size)
		}
		if isProbeNumber(b[:size-1], 0x12345678, size) {
			t.Errorf("size %d: a shorter one counts", size)
		}
	}
	if isProbe(nil) || isProbe([]byte{0x45, 0, 0}) {
		t.Error("an IP datagram or nothing counts as a probe")
	}
}
