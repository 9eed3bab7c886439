"""The account of a run with the sample handler: was every message handled exactly as it should be?

This decides the exit status of `up --once`. `up` itself (ebb/cli/local) serves any app and judges nothing; here the
ledger that only the sample handler keeps is held against the queue and the history.
"""
