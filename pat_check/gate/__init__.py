"""The gate: which findings are shown, which fail the run, and why the others do not."""
