"""How systems under test are attached."""
