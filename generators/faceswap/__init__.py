"""A face put in the place of another: shared encoder, one decoder a person."""
