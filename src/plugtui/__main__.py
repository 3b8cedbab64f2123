"""``python -m plugtui`` is the same as ``plugtui``."""

from plugtui.cli import main

if __name__ == "__main__":
    main()
