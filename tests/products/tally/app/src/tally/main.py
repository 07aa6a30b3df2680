"""The program: it says what its two native packages have found."""

import crcmod
import crcmod._crcfunext  # without it the package would do the same in Python
import popcount


def main() -> int:
    """Print a count of bits and a checksum, both of C code."""
    crc = crcmod.mkCrcFun(0x18005, initCrc=0, rev=True)(b"123456789")
    print(f"{popcount.count(255)} bits, crc {crc:#x}")
    return 0
