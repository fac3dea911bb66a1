"""The state of a kernel, and mechanics that no era disputes."""
