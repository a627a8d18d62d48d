"""The private-statistics core: exact integers inside, bounded contributions, discrete noise."""
