"""`python -m azscan` is the same as `azscan`."""

from azscan.cli import main

if __name__ == "__main__":
    main()
