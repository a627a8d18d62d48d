"""The contract between forces, options and assessment: values only, no engine and no data."""
