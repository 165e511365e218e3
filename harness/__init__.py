"""The harness: everything of fauxbench that is neither a generator nor a detector."""
