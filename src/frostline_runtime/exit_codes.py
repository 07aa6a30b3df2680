"""Every exit code that an artifact can end with.

`run SCRIPT` and a product without services end with the product's own code. Numbers from 64 on
are those of sysexits.h where its meaning fits.
"""

OK = 0
FAILED = 1
USAGE_ERROR = 2
NEGATIVE_ANSWER = 3
DAMAGED_PAYLOAD = 65
UNAVAILABLE = 69
REQUIRED_SERVICE_FAILED = 70
CANNOT_UNPACK = 73
ALREADY_RUNNING = 75
CANNOT_START = 76
LOST_PARENT = 77
MISCONFIGURED = 78
PORT_TAKEN = 98
SIGNAL = 128
INTERRUPTED = 130

# Number, name and meaning.
EXIT_CODES = (
    (OK, "OK", "It has done what was asked, or has stopped when it was asked to."),
    (FAILED, "FAILED", "An error that has no code of its own; standard error says more."),
    (USAGE_ERROR, "USAGE_ERROR", "The command line is wrong, or names what does not exist."),
    (NEGATIVE_ANSWER, "NEGATIVE_ANSWER",
     "`selftest` or `model check` found something wrong, or no instance is running."),
    (DAMAGED_PAYLOAD, "DAMAGED_PAYLOAD",
     "Reserved for a launcher of onefile artifacts: its content is damaged."),
    (UNAVAILABLE, "UNAVAILABLE", "A file that is missing cannot be fetched now."),
    (REQUIRED_SERVICE_FAILED, "REQUIRED_SERVICE_FAILED",
     "A required service has failed and was given up."),
    (CANNOT_UNPACK, "CANNOT_UNPACK",
     "Reserved for a launcher of onefile artifacts: it cannot be unpacked."),
    (ALREADY_RUNNING, "ALREADY_RUNNING", "Another instance is running with the same storage."),
    (CANNOT_START, "CANNOT_START",
     "The manifest or a folder cannot be used, or the control port is taken."),
    (LOST_PARENT, "LOST_PARENT", "The desktop shell has ended; for a service, the supervisor."),
    (MISCONFIGURED, "MISCONFIGURED",
     "The configuration is wrong; a service that ends with it is not started again."),
    (PORT_TAKEN, "PORT_TAKEN", "From a service: its port is taken; it is given another one."),
    (SIGNAL, "SIGNAL", "128 + n: signal n has ended it; 137 is SIGKILL."),
    (INTERRUPTED, "INTERRUPTED", "A command was interrupted with Ctrl-C."),
)  # fmt: skip
