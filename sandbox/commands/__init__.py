"""Parts of the command line, mounted by `sandbox.cli`."""
