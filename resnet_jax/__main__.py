"""The console command, and python -m resnet_jax."""

import sys

from resnet_jax.pages import take_large_pages


def run() -> None:
    """Ends the process with the exit code of its command line."""
    take_large_pages()
    # Not before: it would be imported twice.
    from resnet_jax.main import main

    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
