"""llama.cpp in a program."""
