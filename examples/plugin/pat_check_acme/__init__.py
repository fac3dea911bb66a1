"""House rules of the acme drivers."""
