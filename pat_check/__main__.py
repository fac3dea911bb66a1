"""``python -m pat_check``."""

from pat_check.cli import main

if __name__ == "__main__":
    main()
