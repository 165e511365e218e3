"""How systems under test are attached."""

CONNECTORS = {
    "python": "a class: by name, or path/to/file.py:Class",
    "folder": "finished outputs, no code",
    "command": "a program in its own environment, JSON lines on standard input and output",
    "http": "a service that answers POST requests",
}
"""Every way of attaching a system, with what it attaches."""
