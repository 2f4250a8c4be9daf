"""Python packages that tests need beside the standard library, from their registry."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

INSTALL_SECONDS = 240
REDIS = "redis>=5.1,<9"
KUBERNETES = "kubernetes-validate>=1.30"


def pip(*words):
    """Runs pip; whoever needs what it cannot get is skipped with the reason."""
    try:
        done = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True,
                              timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise unittest.SkipTest(f"{words[-1]} takes too long to install") from None
    if done.returncode != 0:
        raise unittest.SkipTest(f"no {words[-1]}: {done.stderr[-200:]}")


def libraries(kept, name, package):
    """A folder for sys.path with that package: `name` in `kept`, installed once. It is whole or not
    there, whoever else wants it at the same moment."""
    path = pathlib.Path(kept) / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            pip("install", "-q", "--target", f"{scratch}/libraries", package)
            try:
                os.rename(f"{scratch}/libraries", path)
            except OSError:
                if not path.exists():  # another test was faster
                    raise
    return str(path)
