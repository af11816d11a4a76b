"""What host, zygote and server say to each other over one socket of whole messages; the first byte says what it is.

host → server     TEST     limits, mode and name of the function; with descriptors of the source, of the code (both
                           in memory), of stdin, stdout and stderr, and of results and input of a runner
                  STOP     end the test under way
                  END      make way for a new server and a new scratch folder
server → host     OUTCOME  how the test's process ended
                  HELLO    what this sandbox consists of, as JSON; the first server's first message
                  BROKEN   why it cannot be made, as text
                  RENEWED  a new server's first message, after END or where the old one has died
"""

from __future__ import annotations

import struct

TEST, STOP, END = b"T", b"K", b"E"
OUTCOME, HELLO, BROKEN, RENEWED = b"V", b"H", b"X", b"D"
LARGEST = 8192  # bytes of a message
THREADS, DESCRIPTORS = 64, 128  # of a test; processes that it may start come on top

LIMITS = struct.Struct("<ddQQQI")
"""CPU seconds, wall seconds, bytes of address space, bytes of one file, bytes of stack, processes besides the first."""
VERDICT = struct.Struct("<iddQBB")
"""Wait status, CPU seconds, wall seconds, peak bytes, who ended it (below), whether the scratch folder was used."""
ASKED, ALONE, NO_CODE, NO_TEST = 0, 10, 124, 125
"""Exit statuses: of a server after END, of one without a host; of a test's process that could not compile the source
or could not be set up."""
BY_ITSELF, BY_CPU, BY_WALL, BY_HOST = range(4)
