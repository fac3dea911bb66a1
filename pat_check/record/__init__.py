"""Recording on a live kernel: what ``pat-check record`` and ``python -m pat_check.record`` do.

Needs nothing but Python: the package imports the standard library, and zstandard only where it is there.
"""
