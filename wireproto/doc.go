// Package wireproto is the codec of the intraprocess protocol, in which the body and the deputy of a process talk
// (thesis, section 4.3). It does no I/O and knows nothing of the transport, which must be reliable and keep the order.
//
// # Transactions
//
// All interaction is in transactions. The body opens one, by a request or a null request, and the deputy ends it, by a
// terminate or by piggybacking the termination on the result (flag Terminated). In between the deputy may send
// whatever the call takes. All messages of a transaction carry the sequence of the one that opened it.
//
// System calls (thesis, figure 4.1): a call that needs no user memory, with the termination piggybacked (A); a call
// interrupted by a signal that the program catches (B); a call that writes to user memory (C). The last is a call that
// reads it, as in section 5.2 of the thesis.
//
//	(A) socket()          (B) close()           (C) read()            write()
//
//	body     deputy       body     deputy       body     deputy       body     deputy
//	 | request  |          | request  |          | request  |          | request  |
//	 |--------->|          |--------->|          |--------->|          |--------->|
//	 |  result, |          |   result |          |  copyout |          |  copyin  |
//	 | termin'd |          |<---------|          |<---------|          |  request |
//	 |<---------|          |   action |          | copyout  |          |<---------|
//	 |          |          |<---------|          | reply    |          | copyin   |
//	                       | terminate|          |--------->|          | reply    |
//	                       |<---------|          |  result, |          |--------->|
//	                       |          |          | termin'd |          |  result, |
//	                                             |<---------|          | termin'd |
//	                                             |          |          |<---------|
//
// Copied eagerly, the memory of (C) travels with the result, and that of write() with the request, as ranges.
//
// Signals (thesis, figure 4.2): posted to the deputy while there is no transaction (A); the same, when the transaction
// request meets a request underway: the body ignores it, and the deputy sends the action before it terminates the
// transaction of the call (B).
//
//	(A)                   (B)
//
//	body     deputy       body     deputy
//	 | transact.|          |request   |
//	 |  request |          |---.  .---| transaction request
//	 |<---------|          |    \/    |
//	 | null     |          |    /\    |
//	 | request  |  ignored |<--'  '-->|
//	 |--------->|          |   result |
//	 |   action |          |<---------|
//	 |<---------|          |   action |
//	 | terminate|          |<---------|
//	 |<---------|          | terminate|
//	 |          |          |<---------|
//
// # Header
//
// Numbers are little-endian, offsets and lengths in bytes. Every message begins with a header of 16 bytes:
//
//	 0      1      2             4                           8                                                       16
//	+------+------+-------------+---------------------------+-------------------------------------------------------+
//	| type | flags|  sequence   |          length           |     address, or two fields of 4 bytes, or unused      |
//	+------+------+-------------+---------------------------+-------------------------------------------------------+
//
// Length counts the bytes that follow the header; in a copyin request and a page-in request, which nothing follows, the
// bytes wanted. The longest message has MaxMessage bytes. What is unused, reserved or padding is zero.
//
//	flag         bit  in                                       meaning
//	Ranges        1   request, result                          ranges follow the fixed part
//	Terminated    2   result                                   the transaction ends with this message
//	String        4   copyin request, range of a request       up to and including the first NUL, at most length
//	Fault         8   copyin reply, copyout reply,             memory not accessible, or not beyond the data
//	                  page-in reply, range of a request
//
// # Messages
//
// Behind the type's number stand what bytes 8 to 15 of the header hold, and what follows from byte 16 on.
//
//	 1  request, body to deputy
//	     8  call number      4   of x86-64
//	    12  widths           4   two bits an argument, the first lowest: 0 absent, 1 four bytes, 2 eight bytes
//	    16  arguments            in order, at most six, unpadded; four bytes if the value fits in 32 bits unsigned
//	        padding       0, 4   so that the arguments together are a multiple of 8
//	        ranges               with flag Ranges: what the call is going to read (eager copyin)
//
//	 2  result, deputy to body
//	     8  unused           8
//	    16  error            4   0, or the error number
//	    20  value            8   what the call returned
//	    28  ranges               with flag Ranges: what the call wrote (eager copyout)
//
//	 3  copyin request, deputy to body: length is the number of bytes wanted
//	     8  address          8
//
//	 4  copyin reply, body to deputy
//	     8  address          8   of the request
//	    16  data                 with flag Fault: what is readable before the fault
//
//	 5  copyout, deputy to body
//	     8  address          8
//	    16  data
//
//	 6  copyout reply, body to deputy
//	     8  address          8   of the copyout
//
//	 7  page-in request, body to deputy: length is the number of bytes wanted
//	     8  address          8
//
//	 8  page-in reply, deputy to body
//	     8  address          8   of the request
//	    16  data                 up to what the mapping has
//
//	 9  transaction request, deputy to body
//	     8  unused           8
//
//	10  null request, body to deputy
//	     8  unused           8
//
//	11  action, deputy to body
//	     8  signal           4   1 to 64
//	    12  kind             4   1 handler, 2 kill, 3 stop, 4 continue
//	    16  siginfo     0, 128   as the kernel has it; may be missing with kinds 2 to 4
//
//	12  terminate, deputy to body
//	     8  unused           8
//
//	13  fault, body to deputy
//	     8  address          8   that the program could not access, or where it could not go on
//	    16  signal           4   1 to 64
//	    20  code             4   si_code
//
//	14  create, home agent to node agent
//	     8  version          4
//	    12  home pid         4
//	    16  create flags     4   bit 0: lazy copyin; bit 1: child of a body that forks
//	        parent           4   with bit 1 alone: home pid of that body
//	        length of node   2
//	        node                 name of the home node
//	        length of        2
//	        command
//	        command              name of the program
//
//	15  created, node agent to home agent
//	     8  version          4
//	    12  error            4   0, or the error number
//	    16  text                 what went wrong; may be missing
//
//	16  map, deputy to body
//	     8  address          8
//	    16  map length       8   not zero
//	    24  protection       4   PROT_ bits
//	    28  map flags        4   MAP_ bits
//	    32  kind             4   1 anonymous, 2 file, 3 stack, 4 vdso
//	    36  reserved         4
//
//	17  start, deputy to body
//	     8  instr. pointer   8
//	    16  stack pointer    8
//	    24  start_brk        8
//	    32  brk              8
//	    40  start_code       8
//	    48  end_code         8
//	    56  start_data       8
//	    64  end_data         8
//	    72  start_stack      8
//	    80  arg_start        8
//	    88  arg_end          8
//	    96  env_start        8
//	   104  env_end          8
//	   112  auxv length      4   a multiple of 16
//	   116  auxiliary vector
//
//	18  reset, deputy to body
//	     8  unused           8
//
//	19  exit, deputy to body
//	     8  status           4   as wait(2) gives it
//	    12  unused           4
//
//	20  exited, body to deputy
//	     8  status           4   as wait(2) gives it
//	    12  unused           4
//
//	21  file version, deputy to body
//	     8  address          8   of the mapping
//	    16  offset           8   in the file
//	    24  version         16
//
// A range, of which any number follow each other, without padding, to the end of the message:
//
//	 0  address          8
//	 8  range length     4   of the data
//	12  range flags      4   in a request String and Fault, in a result none
//	16  data
//
// # Sizes
//
// The sizes that the thesis gives (section 5.2) include 40 bytes for the headers of IP and TCP:
//
//	message                          bytes   with 40 more
//	request: close(fd)                  24             64
//	result                              28             68
//	request: write(fd, buf, n)          32             72
//	copyin request                      16             56
//	copyin reply with 1,024 bytes    1,040          1,080
//
// # Use
//
// A reader of a byte stream waits for HeaderLen bytes, learns from Size how many belong to the message, waits for
// those, and has them parsed by the function for Header.Type. Append functions append a message to a buffer that may
// hold others before it; those without a variable-length string cannot fail, and what they are given is the caller's
// business.
//
// Parsing is strict: a message has exactly one form, so that what parses is appended again as the same bytes, and
// anything else is a *FieldError that names the field as above. Which of the messages may come when, and whether a
// reply fits its request, is for the body and the deputy to check. What a parse function returns refers to the bytes
// it was given. Nothing of what a call needs allocates memory, errors excepted.
package wireproto
