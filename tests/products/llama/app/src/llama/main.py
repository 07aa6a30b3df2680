"""The program: it says where llama.cpp's library is from."""

import os
from pathlib import Path

import llama_cpp


def main() -> int:
    """Load llama.cpp, and name the place."""
    llama_cpp.llama_backend_init()
    place = Path(llama_cpp.llama_cpp._lib._name)
    own = place.parent == Path(os.environ["LLAMA_CPP_LIB_PATH"])
    print(f"llama.cpp is loaded from {'the bundle' if own else place}")
    print(llama_cpp.llama_print_system_info().decode())
    return 0
