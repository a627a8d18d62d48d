"""The evidence pack: measured figures in the shape of a data protection impact assessment."""
