"""Checks of a whole run with the sample handler: was every message handled exactly as it should be?"""
