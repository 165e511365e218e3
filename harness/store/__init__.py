"""The content-addressed store, units, records and the results schema."""
