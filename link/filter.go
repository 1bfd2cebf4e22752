package link

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/net/bpf"
)

// filterAccept is what the filter returns for an accepted frame: how many bytes of it to keep, all of them.
const filterAccept = 0x40000

// vlanIDMask is the VLAN identifier in the tag control information (IEEE 802.1Q). 0 means that the frame
// carries a priority only and is in no VLAN.
const vlanIDMask = 0x0fff

// filter is the classic BPF program that lets through what a device with address own receives: destination
// own or broadcast, EtherType IPv4 or ARP, in no VLAN. VLAN tags are not in the frame any more when the
// kernel runs it, so the tag is asked for by the kernel's extensions.
func filter(own Addr) []bpf.Instruction {
	high := binary.BigEndian.Uint32(own[:4])
	low := uint32(binary.BigEndian.Uint16(own[4:]))
	// The skips are counted from the instruction that follows; the labels beside them are where they lead.
	return []bpf.Instruction{
		/* 0  */ bpf.LoadAbsolute{Off: offsetEtherType, Size: 2},
		/* 1  */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: EtherTypeIPv4, SkipTrue: 1}, // 3
		/* 2  */ bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: EtherTypeARP, SkipTrue: 12}, // drop
		/* 3  */ bpf.LoadAbsolute{Off: offsetDestination, Size: 4},
		/* 4  */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: high, SkipTrue: 3}, // 8
		/* 5  */ bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0xffffffff, SkipTrue: 9}, // drop
		/* 6  */ bpf.LoadAbsolute{Off: offsetDestination + 4, Size: 2},
		/* 7  */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0xffff, SkipTrue: 2, SkipFalse: 7}, // 10, drop
		/* 8  */ bpf.LoadAbsolute{Off: offsetDestination + 4, Size: 2},
		/* 9  */ bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: low, SkipTrue: 5}, // drop
		/* 10 */ bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		/* 11 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 2}, // accept
		/* 12 */ bpf.LoadExtension{Num: bpf.ExtVLANTag},
		/* 13 */ bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: vlanIDMask, SkipTrue: 1}, // drop
		/* 14 */ bpf.RetConstant{Val: filterAccept},
		/* 15 */ bpf.RetConstant{Val: 0},
	}
}

// assembleFilter is the program in the kernel's form.
func assembleFilter(own Addr) ([]bpf.RawInstruction, error) {
	raw, err := bpf.Assemble(filter(own))
	if err != nil {
		return nil, fmt.Errorf("assembling the filter: %w", err)
	}
	return raw, nil
}
