"""TRACE.pci: states of a replay along a recording, so that one point of a long recording is found at once."""
