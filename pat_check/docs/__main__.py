"""``python -m pat_check.docs``."""

import sys

from pat_check.docs import main

sys.exit(main(sys.argv[1:]))
