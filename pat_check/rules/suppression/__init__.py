"""Rules of this family, one file each."""
