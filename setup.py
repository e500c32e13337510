"""Compiles the kernels; everything else is in pyproject.toml.

The kernels are a shared library without Python's API, so that one wheel per platform serves all
Python versions. Each source is compiled once for every instruction set. The compiler is CC, or else
cc, gcc or clang, or else the one in the package ziglang, which is then a build requirement. If
compiling fails, the package is built without the library and runs its NumPy code; CC=false does
that on purpose. CFLAGS and LDFLAGS are added. scripts/build_packages.sh builds for older systems.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCE = Path('components/clustering/kernels/source')
LIBRARY = 'tfx_kmeans.clustering.kernels.kernels'
FLAGS = ['-O3', '-g0', '-std=gnu11', '-fPIC', '-fno-math-errno', '-fno-trapping-math',
         '-Wall', '-Wextra', '-Werror=implicit-function-declaration']  # fmt: skip
# These follow CFLAGS. Results must have the same bits everywhere, so a * b + c is not contracted.
# -ffast-math would also change the processor's flags for the whole process that loads the library.
EXACT = ['-fno-fast-math', '-fno-math-errno', '-fno-trapping-math', '-ffp-contract=off']
AVX512 = ['-mavx512f', '-mavx512dq', '-mavx512bw', '-mavx512vl', '-mavx2', '-mfma']
X86_64 = {'baseline': [], 'avx2': ['-mavx2', '-mfma'], 'avx512': AVX512}
LEVELS = {'x86_64': X86_64, 'aarch64': {'baseline': []}, 'arm64': {'baseline': []}}
TRIAL = '#include <math.h>\n#include <stdint.h>\n#include <string.h>\n'

# sysconfig honours _PYTHON_HOST_PLATFORM, by which a build for another processor names it.
MACHINE = sysconfig.get_platform().rpartition('-')[2]


@cache
def compiler() -> list[str] | None:
    """The command of the C compiler; None if there is none."""
    if os.environ.get('CC'):
        return shlex.split(os.environ['CC'])
    for name in ('cc', 'gcc', 'clang'):
        if shutil.which(name) and compiles(name):
            return [name]
    return ziglang() if find_spec('ziglang') else None


def compiles(name: str) -> bool:
    """Whether a compiler has what it needs: some systems have one without the headers of C."""
    with TemporaryDirectory() as folder:
        command = [name, '-shared', '-fPIC', '-x', 'c', '-', '-o', str(Path(folder, 'trial.so'))]
        tried = subprocess.run(command, input=TRIAL, text=True, capture_output=True, check=False)
    return tried.returncode == 0


def ziglang() -> list[str]:
    """The command of ziglang's compiler, which without options compiles for this processor only."""
    glibc = platform.libc_ver()[0] == 'glibc'
    oldest = ['-target', f'{MACHINE}-linux-gnu.2.17'] if glibc else ['-mcpu=baseline']
    return [sys.executable, '-m', 'ziglang', 'cc', *oldest]


class BuildKernels(build_ext):
    """Compiles and links the kernels; says in one line why there are none if that fails."""

    def build_extension(self, ext: Extension) -> None:
        """Builds the shared library."""
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        command = compiler()
        if MACHINE not in LEVELS:
            self._without_library(f'there are none for {MACHINE}')
        elif command is None:
            self._without_library('there is no C compiler')
        else:
            try:
                self._compile(command, ext.sources, target)
            except (OSError, subprocess.CalledProcessError) as error:
                self._without_library(f'{shlex.join(command)} failed ({type(error).__name__})')

    def _compile(self, command: list[str], sources: list[str], target: Path) -> None:
        built = Path(self.build_temp)
        built.mkdir(parents=True, exist_ok=True)
        flags = [*FLAGS, *shlex.split(os.environ.get('CFLAGS', '')), *EXACT]

        def run(step: list[str]) -> None:
            subprocess.run([*command, *step], check=True)

        steps, objects = [], []
        for source in map(Path, sources):
            levels = {'any': []} if source.name == 'processor.c' else LEVELS[MACHINE]
            for level, options in levels.items():
                output = str(built / f'{source.stem}.{level}.o')
                files = ['-c', str(source), '-o', output]
                steps.append([*flags, *options, f'-DLEVEL={level}', *files])
                objects.append(output)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(run, steps))
        linked = shlex.split(os.environ.get('LDFLAGS', ''))
        run([*flags, '-shared', *objects, '-o', str(target), *linked, *EXACT])

    def _without_library(self, reason: str) -> None:
        """Leaves no library of an earlier build behind either, if the package is editable."""
        print(f'tfx-kmeans: built without compiled kernels, because {reason}.', flush=True)
        if self.editable_mode:
            (SOURCE.parent / 'kernels.so').unlink(missing_ok=True)

    def get_ext_filename(self, fullname: str) -> str:
        """The path of the library, without the suffix of a Python extension."""
        return str(Path(*fullname.split('.')).with_suffix('.so'))

    def get_outputs(self) -> list[str]:
        """The library, if it was built."""
        return [output for output in super().get_outputs() if Path(output).exists()]


def wheel_commands() -> dict[str, type]:
    """The command that builds a wheel for any Python 3, and for any platform without the library.

    There may be none: setuptools before 70.1 takes it from `wheel`, which it asks for later.
    """
    for module in ('setuptools.command.bdist_wheel', 'wheel.bdist_wheel'):
        try:
            base = import_module(module).bdist_wheel
        except ImportError:
            continue

        class Wheel(base):  # type: ignore[misc, valid-type]
            """See `wheel_commands`."""

            def get_tag(self) -> tuple[str, str, str]:
                """See `bdist_wheel`."""
                if self.distribution.have_run.get('build_ext'):
                    kernels = self.get_finalized_command('build_ext')
                    self.root_is_pure = not (kernels.editable_mode or kernels.get_outputs())
                return 'py3', 'none', 'any' if self.root_is_pure else super().get_tag()[2]

        return {'bdist_wheel': Wheel}
    return {}


setup(
    ext_modules=[
        Extension(
            LIBRARY,
            sources=[str(path) for path in sorted(SOURCE.glob('*.c'))],
            depends=[str(path) for path in sorted(SOURCE.glob('*.h'))],
            optional=True,
        )
    ],
    cmdclass={'build_ext': BuildKernels, **wheel_commands()},
    setup_requires=['ziglang'] if MACHINE in LEVELS and compiler() is None else [],
)
