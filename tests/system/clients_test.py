"""Client libraries in their own languages, each through a small application of ours.

They are installed from their registries, once, under ULLAGE_CLIENTS. Where one cannot be had its test
is skipped with the reason.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from support import packages, servers

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients")
INSTALL_SECONDS = 240
RUN_SECONDS = 120


def tool(name):
    if shutil.which(name) is None:
        raise unittest.SkipTest(f"no {name} on this machine")
    return name


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.ullage(tcp=True)
        cls.port = str(cls.server.address[1])
        kept = os.environ.get("ULLAGE_CLIENTS")
        cls.scratch = None if kept else tempfile.mkdtemp(prefix="ullage-clients-")
        cls.folder = kept or cls.scratch

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()
        if cls.scratch:
            shutil.rmtree(cls.scratch, ignore_errors=True)

    def workshop(self, language):
        """A copy of the application where its libraries can be installed."""
        folder = os.path.join(self.folder, language)
        shutil.copytree(os.path.join(HERE, language), folder, dirs_exist_ok=True)
        return folder

    def install(self, command, folder):
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True,
                                  timeout=INSTALL_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise unittest.SkipTest(f"{command[0]} takes too long to install") from None
        if done.returncode != 0:
            last = (done.stderr.strip() or done.stdout.strip() or "?").splitlines()[-1]
            raise unittest.SkipTest(f"{' '.join(command[:3])} failed: {last[:200]}")

    def build(self, command, folder):
        """What is ours must compile: only what is not to be had is a reason to skip."""
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True,
                              timeout=INSTALL_SECONDS, check=False)
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])

    def run_application(self, command, folder, environment=None):
        done = subprocess.run(command + [self.port], cwd=folder, capture_output=True, text=True,
                              timeout=RUN_SECONDS, check=False,
                              env={**os.environ, **(environment or {})})
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        self.assertEqual(done.stdout.strip(), "ok")

    def test_redis_py(self):
        folder = self.workshop("python")
        libraries = packages.libraries(self.folder, "redis", packages.REDIS)
        self.run_application([sys.executable, "-B", "app.py"], folder,
                             {"PYTHONPATH": libraries})

    def test_ioredis(self):
        tool("node")
        folder = self.workshop("node")
        if not os.path.isdir(os.path.join(folder, "node_modules", "ioredis")):
            self.install([tool("npm"), "install", "--silent", "--no-audit", "--no-fund"], folder)
        self.run_application(["node", "app.js"], folder)

    def test_go_redis(self):
        folder = self.workshop("go")
        binary = os.path.join(folder, "app")
        if not os.path.isfile(binary):
            self.install([tool("go"), "mod", "tidy"], folder)
            self.build(["go", "build", "-o", binary, "."], folder)
        self.run_application([binary], folder)

    def test_jedis(self):
        folder = self.workshop("java")
        libraries = os.path.join(folder, "libraries")
        if not os.path.isfile(os.path.join(folder, "App.class")):
            self.install([tool("mvn"), "-q", "-B", "dependency:copy-dependencies",
                          "-DoutputDirectory=libraries"], folder)
            self.build([tool("javac"), "-cp", libraries + "/*", "App.java"], folder)
        self.run_application([tool("java"), "-cp", f"{folder}:{libraries}/*", "App"], folder)


if __name__ == "__main__":
    unittest.main()
