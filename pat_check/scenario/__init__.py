"""Scenarios: small hand-written stories in the kernel's words, replayed on the model alone."""
