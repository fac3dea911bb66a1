"""Settings: every option by one name, from flags, the environment and files."""

from __future__ import annotations

from pat_check.settings.keys import KEYS, Key, key_named
from pat_check.settings.layers import Found, Layers
from pat_check.settings.machines import Machine

__all__ = ["KEYS", "Found", "Key", "Layers", "Machine", "key_named"]
