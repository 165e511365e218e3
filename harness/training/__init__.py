"""How the trained instruments come about: streams of rendered data, losses, tests on held-out people and voices.

Each instrument has one command line (`python -m fauxbench.harness.training.face --help`, likewise `sync`
and `voice`), which writes weights and a report; `install` puts both in their place. Nothing here runs when an
instrument is used.
"""
