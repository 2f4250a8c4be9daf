"""The Debian package: what is in it, that it installs, serves, and keeps its settings."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from support import servers
from support.wire import Wire

BUILD = pathlib.Path(os.environ["ULLAGE_PROGRAM"]).parent.parent
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TOOLS = [shutil.which(tool) for tool in ("cpack", "dpkg", "dpkg-deb", "dpkg-shlibdeps")]


def run(*words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          timeout=300, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{words}: {done.stdout}{done.stderr}")
    return done.stdout


@unittest.skipIf(servers.is_sanitized() or not all(TOOLS), "there is nothing to make packages with")
class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.packages = {}
        for version in ("0.1.0", "0.1.1"):
            out = pathlib.Path(cls.folder.name) / version
            run("cpack", "-G", "DEB", "-R", version, "-B", out,
                "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip", cwd=BUILD)
            [cls.packages[version]] = out.glob("*.deb")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        database = self.root / "var" / "lib" / "dpkg"
        database.mkdir(parents=True)
        (database / "status").touch()
        self.settings = self.root / "etc" / "ullage" / "ullage.toml"

    def dpkg(self, *words):
        # A root of its own: what it depends on lies in the machine's, and scripts know by
        # DPKG_ROOT that they are not to touch the machine.
        return run("dpkg", f"--root={self.root}", "--force-not-root", "--force-depends",
                   "--force-script-chrootless", "--force-confold", "--force-bad-path",
                   f"--log={self.root}/log", *words)

    def with_other_settings(self, package):
        """The same, as if the next version came with other settings."""
        tree = self.root / "tree"
        run("dpkg-deb", "-R", package, tree)
        settings = tree / "etc" / "ullage" / "ullage.toml"
        with open(settings, "a", encoding="utf-8") as file:
            file.write("# of the new version\n")
        made = self.root / "other.deb"
        run("dpkg-deb", "--root-owner-group", "-Zgzip", "-b", tree, made)
        return made

    def version(self):
        return run("dpkg-query", f"--admindir={self.root}/var/lib/dpkg", "-W", "-f",
                   "${Version} ${db:Status-Status}", "ullage")

    def serve(self):
        """Starts what was installed, asks it, and ends it."""
        socket = self.root / "socket"
        with subprocess.Popen([self.root / "usr/bin/ullage", "serve", "--config", self.settings,
                               "--port", "0", "--admin-port", "0", "--memory-limit", "64mb",
                               "--unix-socket", socket],
                              env=servers.clean_environment(), stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE) as process:
            try:
                for line in process.stderr:
                    if b"listening" in line:
                        break
                with Wire(str(socket)) as wire:
                    self.assertEqual(wire.ask("HSET", "g", "f", "v"), 1)
                    return wire.ask("CONFIG", "GET", "classes")[1]
            finally:
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(30), 0)

    def test_what_is_in_it(self):
        fields = run("dpkg-deb", "-f", self.packages["0.1.0"])
        self.assertIn("Package: ullage\n", fields)
        for library in ("libc6", "libjemalloc2", "libssl3"):
            self.assertIn(library, fields)
        files = run("dpkg-deb", "-c", self.packages["0.1.0"])
        for path in ("./usr/bin/ullage", "./lib/systemd/system/ullage.service",
                     "./etc/ullage/ullage.toml", "./usr/share/doc/ullage/copyright",
                     "./usr/share/ullage/ullage.rules.yml", "./usr/share/ullage/ullage.json",
                     "./usr/share/doc/ullage/operating/runbook.md"):
            self.assertIn(f" {path}\n", files.replace("./usr/lib/systemd", "./lib/systemd"))
        self.assertNotIn("/include/", files)

    def test_the_container_has_what_it_depends_on(self):
        """The Dockerfile names the same libraries."""
        text = (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8")
        run_stage = text.split("FROM debian:12-slim\n")[1]
        installed = set(re.search(r"--no-install-recommends (.*?)&&", run_stage,
                                  re.DOTALL).group(1).replace("\\", "").split())
        depends = re.search(r"^Depends: (.*)$", run("dpkg-deb", "-f", self.packages["0.1.0"]),
                            re.MULTILINE).group(1)
        needed = {re.sub(r" .*", "", one) for one in depends.split(", ")}
        self.assertEqual(needed - {"libc6", "libgcc-s1", "libstdc++6"}, installed)
        # Two stages, nobody's user, and a command that writes nothing.
        self.assertEqual(len(re.findall(r"^FROM ", text, re.MULTILINE)), 2)
        self.assertRegex(run_stage, r"\nUSER [1-9]\d*:[1-9]\d*\n")
        self.assertNotIn("VOLUME", run_stage)

    def test_installs_serves_upgrades_and_goes(self):
        self.dpkg("-i", self.packages["0.1.0"])
        self.assertEqual(self.version(), "0.1.0 installed")
        self.assertEqual(self.serve(), b"")
        with open(self.settings, "a", encoding="utf-8") as file:
            file.write('classes = ["mine:* max=1mb"]\n')
        mine = self.settings.read_bytes()
        self.dpkg("-i", self.with_other_settings(self.packages["0.1.1"]))
        self.assertEqual(self.version(), "0.1.1 installed")
        self.assertEqual(self.settings.read_bytes(), mine, "an upgrade keeps what was changed")
        theirs = self.settings.with_name("ullage.toml.dpkg-dist")
        self.assertIn("# of the new version", theirs.read_text(encoding="utf-8"))
        self.assertEqual(self.serve(), b"mine:* max=1mb")
        self.dpkg("-r", "ullage")
        self.assertFalse((self.root / "usr/bin/ullage").exists())
        self.assertEqual(self.settings.read_bytes(), mine, "so does a removal")
        self.dpkg("-P", "ullage")
        self.assertFalse(self.settings.exists())


if __name__ == "__main__":
    unittest.main()
