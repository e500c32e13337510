"""All compiled code of the package, and the helpers that compile it.

numba caches machine code by the source file of a kernel. It does not notice changes in functions of
other files that the kernel calls. After such a change, delete the cache: `__pycache__/*.nbi` and
`*.nbc`, or the contents of NUMBA_CACHE_DIR.
"""
