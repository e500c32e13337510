"""The version of this package. pyproject.toml takes it from here.

It is not read from the installed package, which would take a fifth of the time of a first fit.
"""

__version__ = '0.1.0'
