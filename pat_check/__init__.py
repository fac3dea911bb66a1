"""pat-check: replay Linux x86 PAT traces on a model of the memtype layer and report broken invariants."""

__version__ = "0.1.0"
