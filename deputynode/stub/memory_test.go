package stub

import (
	"testing"
	"unsafe"
)

func TestCode(t *testing.T) {
	text := code()
	if len(text) < 100 || len(text) > 512 {
		t.Fatalf("the loop has %d bytes", len(text))
	}
	at := Instruction() - Code
	if string(text[at:at+2]) != "\x0f\x05" {
		t.Errorf("no syscall instruction at %#x", at)
	}
	var c control
	for name, got := range map[string][2]uintptr{
		"command": {unsafe.Offsetof(c.command), 0}, "done": {unsafe.Offsetof(c.done), 4},
		"parked": {unsafe.Offsetof(c.parked), 8}, "call": {unsafe.Offsetof(c.call), 16},
		"args": {unsafe.Offsetof(c.args), 24}, "result": {unsafe.Offsetof(c.result), 72},
		"spin": {unsafe.Offsetof(c.spin), 80}, "sleeping": {unsafe.Offsetof(c.sleeping), 84},
	} {
		if got[0] != got[1] {
			t.Errorf("%s is at %d, the stub expects %d", name, got[0], got[1])
		}
	}
}
