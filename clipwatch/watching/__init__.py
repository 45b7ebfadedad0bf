"""Which files exist, and which of them are finished.

``observer`` gives hints and says when it was blind, ``listing`` looks at the disk, ``reconcile``
compares it with what is known, ``settle`` decides when a file is finished.
"""
