"""What the checks share: the castle binary, temporary folders, comparisons."""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

CASTLE = os.environ.get("CASTLE", ".build/release/castle")


def castle(*arguments, **options):
    """Runs castle; its standard output, with the line ends that it has. Exits if it fails."""
    result = subprocess.run([CASTLE, *map(str, arguments)], capture_output=True, **options)
    if result.returncode != 0:
        sys.exit(f"castle {' '.join(map(str, arguments))}\nfailed: {result.stderr.decode()}")
    return result.stdout.decode()


@contextlib.contextmanager
def temporary_folder():
    with tempfile.TemporaryDirectory() as folder:
        yield pathlib.Path(folder)


def require(condition, message):
    if not condition:
        sys.exit(f"FAILED: {message}")


def require_close(name, actual, expected, tolerance):
    """Compares by the largest difference relative to the largest expected magnitude."""
    require(actual.shape == expected.shape, f"{name}: shape {actual.shape} instead of {expected.shape}")
    error = float(abs(actual - expected).max() / abs(expected).max())
    require(error <= tolerance, f"{name}: relative difference {error:.2e}, allowed {tolerance:.0e}")
    print(f"{name}: relative difference {error:.1e}")
