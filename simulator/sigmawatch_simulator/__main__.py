"""`python -m sigmawatch_simulator`."""

import sys

from sigmawatch_simulator.cli import main

sys.exit(main())
