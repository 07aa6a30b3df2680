"""Lets `python -m tinyllama` start the server."""

import sys

from tinyllama.main import main

sys.exit(main())
