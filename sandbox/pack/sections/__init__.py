"""The sections of the pack, one idea a file, in the order of the form."""
