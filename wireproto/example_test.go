package wireproto_test

import (
	"fmt"

	"deputy/wireproto"
)

// A reader of a byte stream takes message by message from what has arrived.
func ExampleSize() {
	stream := wireproto.AppendRequest(nil, 1, 3, []uint64{7}, 0) // close(7)
	stream = wireproto.AppendNullRequest(stream, 2)
	stream = append(stream, 0x0a) // the beginning of a third message

	for len(stream) >= wireproto.HeaderLen {
		size, err := wireproto.Size(stream)
		if err != nil {
			fmt.Println(err) // and the connection ends
			return
		}
		if len(stream) < size {
			break
		}
		message := wireproto.Header(stream[:size])
		stream = stream[size:]
		switch message.Type() {
		case wireproto.TypeRequest:
			request, err := wireproto.ParseRequest(message)
			if err != nil {
				fmt.Println(err)
				return
			}
			var args [wireproto.MaxArgs]uint64
			n := request.Args(&args)
			fmt.Println(message.Type(), size, "bytes: call", request.Call, "of", args[:n])
		default:
			fmt.Println(message.Type(), size, "bytes")
		}
	}
	fmt.Println("left:", len(stream))
	// Output:
	// request 24 bytes: call 3 of [7]
	// null request 16 bytes
	// left: 1
}
