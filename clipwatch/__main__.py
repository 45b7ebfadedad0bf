"""``python -m clipwatch``, and the ``clipwatch`` command."""

import sys

from clipwatch.cli import main

if __name__ == "__main__":
    sys.exit(main())
