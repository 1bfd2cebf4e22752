package syscalls

import "fmt"

// Kind says what an argument is.
type Kind uint8

const (
	// Fd is a file descriptor of the deputy: 32 bits.
	Fd Kind = iota
	// Int is a signed value of 32 bits; what stands above them is ignored, as the kernel does.
	Int
	// Uint is an unsigned value of 32 bits.
	Uint
	// Long is a value of 64 bits: a size, an offset, a mask.
	Long
	// Address is an address in the body's memory that is not followed: the call works on the address space.
	Address
	// Unknown may be a pointer, to what is not described: the memory window serves it.
	Unknown
	// String is a NUL-terminated input of at most Size bytes, the NUL included.
	String
	// In is an input of Size bytes, or of Size bytes for each that the argument Count counts.
	In
	// Out is an output, sized as In is.
	Out
	// InOut is both: the kernel reads it and changes it, or it may leave parts of it as they are.
	InOut
	// Timeout is a timespec or timeval of 16 bytes in which the kernel leaves the time that remained. It need not be
	// writable, so it goes back only if it has changed.
	Timeout
	// FdSet is one of the sets of select(2), read and changed: as many bits as Count says, in words of 64.
	FdSet
	// SigmaskPair is the last argument of pselect6(2): a pointer to a signal mask and its size, 16 bytes.
	SigmaskPair
	// Length is a value-result length (socklen_t *) of 4 bytes: in, the room in a buffer; out, how much there was.
	Length
	// Sized is a buffer whose room is what the Length argument Count points to. It is output, or both with Input.
	Sized
	// SelfSized is an input structure that tells its size: Size bytes and as many as its 32-bit field at At says.
	SelfSized
	// IovecIn is an array of Count iovec structures (16 bytes each) that point to input.
	IovecIn
	// IovecOut is the same, pointing to output: the returned number of bytes, spread over them in order.
	IovecOut
	// MsgIn is the msghdr (56 bytes) of sendmsg(2) with all that it points to.
	MsgIn
	// MsgOut is the msghdr of recvmsg(2).
	MsgOut
	// Strings is a vector of strings that ends with a NULL pointer, each of at most Size bytes.
	Strings
)

var kindNames = [...]string{
	Fd: "fd", Int: "int", Uint: "uint", Long: "long", Address: "address", Unknown: "unknown", String: "string",
	In: "in", Out: "out", InOut: "inout", Timeout: "timeout", FdSet: "fdset", SigmaskPair: "sigmask", Length: "length",
	Sized: "sized", SelfSized: "selfsized", IovecIn: "iovec-in", IovecOut: "iovec-out", MsgIn: "msghdr-in",
	MsgOut: "msghdr-out", Strings: "strings",
}

// String returns the kind's short name.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "invalid"
}

// pointer reports whether the walker follows the kind. All kinds from Unknown on may be pointers.
func (k Kind) pointer() bool { return k >= Unknown }

// When says after which return values an output is valid.
type When uint8

const (
	// Success: the call returned no error.
	Success When = iota
	// Positive: it returned more than 0.
	Positive
	// Interrupted: it was interrupted by a signal, with EINTR or by what the kernel turns into it.
	Interrupted
	// SuccessOrInterrupted is one of these.
	SuccessOrInterrupted
	// Failure: it returned an error.
	Failure
	// Always: the kernel writes it in success and failure, or leaves the input.
	Always
)

// Arg describes one argument.
type Arg struct {
	// Name is that of the argument in the kernel or in the manual.
	Name string
	Kind Kind
	// Size in bytes: of the whole, or of one element where Count names an argument.
	Size int
	// Plus is what a buffer has before its counted elements, in bytes (the type of a msgsnd(2) message).
	Plus int
	// Count names the argument that counts the elements, or is empty.
	Count string
	// AtMost bounds a counted buffer, in bytes: the kernel touches no more than that, whatever the count. 0 is no bound.
	AtMost int
	// At is the place of the size in a SelfSized structure.
	At int
	// Returned: of an output, only as many elements as the call returned are valid (and Plus).
	Returned bool
	// Clamp: the count may be cut to the room in the staging area, since a short count is legal.
	Clamp bool
	// Input: a Sized buffer, or a SelfSized structure, is read and written.
	Input bool
	// When the output is valid.
	When When
	// If, if not nil, is the condition for the argument to be used at all.
	If *Cond

	count      int // index of Count, or -1
	countWidth Kind
}

// String returns the argument as in a prototype: kind, name, size.
func (a Arg) String() string {
	s := a.Kind.String() + " " + a.Name
	switch {
	case a.Count != "" && a.Size > 1:
		s += fmt.Sprintf("[%s*%d]", a.Count, a.Size)
	case a.Count != "":
		s += "[" + a.Count + "]"
	case a.Kind == In || a.Kind == Out || a.Kind == InOut:
		s += fmt.Sprintf("[%d]", a.Size)
	}
	return s
}

// Plain values.

func fd(name string) Arg       { return Arg{Name: name, Kind: Fd} }
func integer(name string) Arg  { return Arg{Name: name, Kind: Int} }
func unsigned(name string) Arg { return Arg{Name: name, Kind: Uint} }
func long(name string) Arg     { return Arg{Name: name, Kind: Long} }
func address(name string) Arg  { return Arg{Name: name, Kind: Address} }
func unknown(name string) Arg  { return Arg{Name: name, Kind: Unknown} }

// Strings, with their limits in bytes and the NUL.

const (
	pathMax     = 4096      // PATH_MAX
	xattrName   = 256       // XATTR_NAME_MAX and the NUL
	xattrValue  = 65536     // XATTR_SIZE_MAX, XATTR_LIST_MAX
	sockaddrMax = 128       // sizeof(struct sockaddr_storage)
	argMax      = 128 << 10 // MAX_ARG_STRLEN
)

func path(name string) Arg             { return str(name, pathMax) }
func str(name string, limit int) Arg   { return Arg{Name: name, Kind: String, Size: limit} }
func stringVector(name string) Arg     { return Arg{Name: name, Kind: Strings, Size: argMax} }
func in(name string, size int) Arg     { return Arg{Name: name, Kind: In, Size: size} }
func out(name string, size int) Arg    { return Arg{Name: name, Kind: Out, Size: size} }
func inOut(name string, size int) Arg  { return Arg{Name: name, Kind: InOut, Size: size} }
func timeout(name string) Arg          { return Arg{Name: name, Kind: Timeout, Size: 16, When: Always} }
func inBytes(name, count string) Arg   { return inArray(name, 1, count) }
func outBytes(name, count string) Arg  { return outArray(name, 1, count) }
func iovecIn(name, count string) Arg   { return Arg{Name: name, Kind: IovecIn, Size: 16, Count: count} }
func iovecOut(name, count string) Arg  { return Arg{Name: name, Kind: IovecOut, Size: 16, Count: count} }
func fdSet(name, count string) Arg     { return Arg{Name: name, Kind: FdSet, Size: 1, Count: count} }
func length(name string) Arg           { return Arg{Name: name, Kind: Length, Size: 4} }
func sized(name, length string) Arg    { return Arg{Name: name, Kind: Sized, Size: 1, Count: length} }
func sockaddr(name, length string) Arg { return sized(name, length).atMost(sockaddrMax) }

// received is an output of which as many bytes are valid as the call returned.
func received(name, count string) Arg { return outBytes(name, count).returned() }

func inArray(name string, size int, count string) Arg {
	return Arg{Name: name, Kind: In, Size: size, Count: count}
}

func outArray(name string, size int, count string) Arg {
	return Arg{Name: name, Kind: Out, Size: size, Count: count}
}

func inOutArray(name string, size int, count string) Arg {
	return Arg{Name: name, Kind: InOut, Size: size, Count: count}
}

// selfSized is an input of size bytes and what the 32-bit field at at says.
func selfSized(name string, size, at int) Arg {
	return Arg{Name: name, Kind: SelfSized, Size: size, At: at}
}

func (a Arg) plus(n int) Arg                  { a.Plus = n; return a }
func (a Arg) atMost(n int) Arg                { a.AtMost = n; return a }
func (a Arg) returned() Arg                   { a.Returned = true; return a }
func (a Arg) clamp() Arg                      { a.Clamp = true; return a }
func (a Arg) input() Arg                      { a.Input = true; return a }
func (a Arg) when(w When) Arg                 { a.When = w; return a }
func (a Arg) only(cond Cond) Arg              { a.If = &cond; return a }
func (a Arg) onlyIf(arg int, mask uint32) Arg { return a.only(Cond{arg, mask, mask}) }
