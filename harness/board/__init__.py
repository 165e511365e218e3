"""Leaderboards: entries that a run publishes, checks that make their numbers again, and rankings over entries."""
