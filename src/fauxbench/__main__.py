"""`python -m fauxbench` and the `fauxbench` command."""


def main() -> None:
    """Run the command line."""
    from fauxbench.harness.cli import main as run

    run()


if __name__ == "__main__":
    main()
