"""The passes over rows that take the time of a fit: in C, and in NumPy as reference and fallback.

`interface.Kernels` is what the rest of the package calls. `library.CompiledKernels` calls the C
functions of source/, which setup.py compiles for several instruction sets into one shared library;
`reference.NumpyKernels` does the same in NumPy. `choice.default_kernels` chooses between them.

Labels, sums and inertia have the same bits for every instruction set: float32 scores, which do not,
only exclude points that cannot be the nearest, and everything that is returned is summed in float64
(or column by column in float32) in an order that does not depend on the instruction set.
"""
