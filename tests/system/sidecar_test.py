"""examples/sidecar: a service with a map of maps, and the same one with Ullage beside it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from support import control_group, packages, servers, services

LIMIT = 256 << 20
OFFERED_MB = 400
README = (services.FOLDER / "README.md").read_text(encoding="utf-8")
# Status of the answer; method, path, body and headers of the request.
REQUESTS = [
    (404, "GET", "/users/1"),
    (404, "GET", "/users/1/theme"),
    (204, "PUT", "/users/1/theme", "dark"),
    (204, "PUT", "/users/1/lang", "en"),
    (204, "PUT", "/users/1/empty", ""),
    (204, "PUT", "/users/2/theme", "light"),
    (200, "GET", "/users/1/theme"),
    (200, "GET", "/users/1/empty"),
    (404, "GET", "/users/1/none"),
    (200, "GET", "/users/1"),
    (204, "PUT", "/users/1/theme", "grün ∞".encode()),
    (200, "GET", "/users/1/theme"),
    (200, "GET", "/users/1"),
    (204, "PUT", "/users/a%2Fb%20%C3%A4/%00", "odd names"),
    (200, "GET", "/users/a%2Fb%20%C3%A4"),
    (204, "PUT", "/users/1/large", "x" * (1 << 20)),
    (200, "GET", "/users/1/large"),
    (204, "DELETE", "/users/1"),
    (204, "DELETE", "/users/1"),
    (404, "GET", "/users/1"),
    (404, "GET", "/users/1/theme"),
    (200, "GET", "/users/2", "a body that nobody asked for"),
    (200, "GET", "/users/2"),
    (200, "GET", "/healthz"),
    (404, "GET", "/"),
    (404, "GET", "/users/"),
    (404, "GET", "/users/1/2/3"),
    (405, "PUT", "/users/1", "a user is no value"),
    (405, "DELETE", "/users/2/theme"),
    (400, "PUT", "/users/1/theme", b"\xff"),
    (400, "GET", "/users/%FF"),
    (413, "PUT", "/users/1/large", None, {"Content-Length": str((1 << 20) + 1)}),
    (411, "PUT", "/users/1/theme", None, {"Content-Length": "some"}),
    (411, "PUT", "/users/1/theme", None, {"Transfer-Encoding": "chunked"}),
    (501, "POST", "/users/1/theme", "dark"),
    (200, "GET", "/users/2"),
]


def setUpModule():
    scratch = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(scratch.cleanup)
    os.environ.setdefault("ULLAGE_CLIENTS", scratch.name)


def redis_library():
    return packages.libraries(os.environ["ULLAGE_CLIENTS"], "redis", packages.REDIS)


@unittest.skipIf(servers.is_sanitized(), "nothing that a sanitizer would see")
class Services(unittest.TestCase):
    def ullage(self, *options, **more):
        server = servers.ullage(*options, tcp=True, **more)
        self.addCleanup(server.__exit__)
        return server

    def naive(self, **more):
        service = services.Service("naive.py", **more)
        self.addCleanup(service.__exit__)
        return service

    def fixed(self, server, *, name="fixed.py", environment=None, **more):
        service = services.Service(
            name, "--ullage", f"127.0.0.1:{server.address[1]}", **more,
            environment={"PYTHONPATH": redis_library(), **(environment or {})})
        self.addCleanup(service.__exit__)
        return service

    def group(self):
        made = control_group.make(LIMIT)
        if made is None:
            self.skipTest("no control group can be made here")
        self.addCleanup(made.remove)
        return made

    def test_both_answer_the_same(self):
        with self.naive().client() as naive, \
                self.fixed(self.ullage("--preset", "config-cache")).client() as fixed:
            for status, *request in REQUESTS:
                with self.subTest(request[:2]):
                    answer = naive(*request)
                    self.assertEqual(answer[0], status, answer)
                    self.assertEqual(fixed(*request), answer)
            for key, value in (("theme", "dark"), ("lang", "en")):
                fixed("PUT", f"/users/1/{key}", value)
            self.assertEqual(fixed("GET", "/users/1/lang")[2], b"en")
            self.assertEqual(fixed("GET", "/users/1")[2], b'{"lang": "en", "theme": "dark"}\n')

    def test_the_kernel_kills_the_naive_one(self):
        group = self.group()
        service = self.naive(group=group)
        counts = services.offer(service, OFFERED_MB)
        self.assertEqual(service.process.wait(60), -signal.SIGKILL)
        self.assertGreater(group.kills(), 0)
        self.assertGreater(counts["gone"], 0)
        self.assertGreater(counts["PUT", 204], 1000)

    def test_the_fixed_one_answers_all_and_nobody_is_killed(self):
        group = self.group()
        server = self.ullage("--memory-limit", "auto", "--preset", "config-cache", group=group)
        service = self.fixed(server, group=group)
        used = []
        counts = services.offer(service, OFFERED_MB, lambda: used.append(group.used()))
        offered = OFFERED_MB * (1 << 20) // services.VALUE_BYTES
        self.assertEqual(counts["PUT", 204], offered)
        self.assertEqual(counts["GET", 200] + counts["GET", 404], offered)
        self.assertGreater(counts["GET", 200], offered // 2)
        self.assertEqual(counts["gone"] + counts["wrong"], 0)
        self.assertEqual(group.kills(), 0)
        self.assertIsNone(server.process.poll())
        self.assertIsNone(service.process.poll())
        # The load was real, and more than there is room for.
        self.assertGreater(max(used), LIMIT // 3)
        self.assertLess(max(used), LIMIT)
        with server.connect() as wire:
            self.assertLess(wire.ask("DBSIZE"), offered)

    def test_a_user_has_a_thousand_keys_at_most(self):
        server = self.ullage("--preset", "config-cache")
        with self.fixed(server).client() as client:
            for key in range(1100):
                client("PUT", f"/users/1/key{key}", "v")
            self.assertEqual(len(json.loads(client("GET", "/users/1")[2])), 1000)

    def test_a_store_that_is_away_is_503(self):
        server = self.ullage()
        with self.fixed(server).client() as client:
            self.assertEqual(client("PUT", "/users/1/theme", "dark")[0], 204)
            server.stop()
            for request in (("GET", "/users/1/theme"), ("PUT", "/users/1/theme", "light"),
                            ("GET", "/users/1"), ("DELETE", "/users/1")):
                status, _, body = client(*request)
                self.assertEqual(status, 503, request)
                self.assertIn(b"the store does not answer: ", body)
            self.assertEqual(client("GET", "/healthz")[0], 200)
            again = servers.Server(server.process.args, server.address,
                                   tempfile.mkdtemp(prefix="ullage-test-"))
            self.addCleanup(again.__exit__)
            self.assertEqual(client("GET", "/users/1/theme")[0], 404)  # it begins empty
            self.assertEqual(client("PUT", "/users/1/theme", "light")[0], 204)
            self.assertEqual(client("GET", "/users/1/theme")[2], b"light")

    def test_a_store_that_hangs_is_503(self):
        server = self.ullage()
        with self.fixed(server).client() as client:
            self.assertEqual(client("PUT", "/users/1/theme", "dark")[0], 204)
            server.process.send_signal(signal.SIGSTOP)
            try:
                self.assertEqual(client("GET", "/users/1/theme")[0], 503)
            finally:
                server.process.send_signal(signal.SIGCONT)
            self.assertEqual(client("GET", "/users/1/theme")[2], b"dark")

    def test_the_password(self):
        server = self.ullage(environment={"ULLAGE_PASSWORD": "geheim"})
        with self.fixed(server).client() as client:
            self.assertEqual(client("GET", "/users/1")[0], 503)
        with self.fixed(server, environment={"ULLAGE_PASSWORD": "geheim"}).client() as client:
            self.assertEqual(client("GET", "/users/1")[0], 404)

    def test_a_miss_reads_the_source_and_keeps_it(self):
        server = self.ullage()
        with tempfile.TemporaryDirectory() as folder:
            for name in ("service.py", "fixed.py"):
                shutil.copy(services.FOLDER / name, folder)
            path = os.path.join(folder, "fixed.py")
            with open(path, "r+", encoding="utf-8") as file:
                text = file.read()
                self.assertEqual(text.count("return None\n"), 1)
                file.seek(0)
                file.write(text.replace("return None\n", "return 'from there'\n"))
                file.truncate()
            with self.fixed(server, name=path).client() as client, server.connect() as wire:
                self.assertEqual(client("GET", "/users/1/theme")[2], b"from there")
                self.assertEqual(wire.ask("HGET", "user:1", "theme"), b"from there")


@unittest.skipIf(servers.is_sanitized(), "nothing that a sanitizer would see")
class Readme(unittest.TestCase):
    """Its commands, as they stand there but for the ports, in a shell as a person has it."""

    COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
                for line in block.splitlines()]

    def setUp(self):
        for name in ("bash", "curl", "ps"):
            if shutil.which(name) is None:
                self.skipTest(f"there is no {name} here")
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name
        os.symlink(services.FOLDER.parent, os.path.join(self.folder, "examples"))
        tools = os.path.join(self.folder, "tools")
        os.mkdir(tools)
        os.symlink(os.environ["ULLAGE_PROGRAM"], os.path.join(tools, "ullage"))
        # The Python that the library was installed for, by the name that ps is asked for.
        os.symlink(os.path.realpath(sys.executable), os.path.join(tools, "python3"))
        inherited = servers.clean_environment()
        del inherited["ULLAGE_ADMIN_PORT"]
        with open(os.path.join(self.folder, "errors"), "wb") as errors:
            self.shell = subprocess.Popen(
                ["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                cwd=self.folder, text=True, start_new_session=True,
                env={**inherited, "PYTHONPATH": redis_library(), "PYTHONDONTWRITEBYTECODE": "1",
                     "PATH": f"{tools}:{os.environ['PATH']}"})
        self.addCleanup(self.end_shell)
        self.ports = {name: str(servers.free_port()) for name in
                      set(re.findall(r"(?:--port |127\.0\.0\.1:)(\d+)", "\n".join(self.COMMANDS)))}

    def end_shell(self):
        os.killpg(self.shell.pid, signal.SIGKILL)
        self.shell.communicate()

    def say(self, line):
        self.shell.stdin.write(re.sub(r"\b\d{4}\b", lambda m: self.ports.get(m[0], m[0]), line)
                               + "\n")
        self.shell.stdin.flush()

    def read_until(self, pattern):
        text = ""
        while not re.search(pattern, text):
            line = self.shell.stdout.readline()
            if line == "":
                with open(os.path.join(self.folder, "errors"), encoding="utf-8") as errors:
                    self.fail(f"the shell ended: {text}{errors.read()}")
            text += line
        return text

    def run_line(self, line):
        """What it says on its output, and how it ends."""
        self.say(line)
        self.say("printf '\\nended %d\\n' $?")
        text = self.read_until(r"(?m)^ended \d+$")
        output, ended = re.fullmatch(r"(.*)\nended (\d+)\n", text, re.DOTALL).groups()
        return output.strip(), int(ended)

    def start(self, line):
        self.say(line)
        if line.startswith("ullage "):
            address = ("127.0.0.1", int(self.ports[re.search(r"--port (\d+)", line)[1]]))
            deadline = time.monotonic() + servers.START_SECONDS
            while True:
                try:
                    return servers.Wire(address, timeout=5).close()
                except OSError:
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.01)
        return self.read_until(r"(?m)^ready \d+$")

    @staticmethod
    def resident(listing, name):
        """Bytes of the process that was started with it."""
        return int(re.search(rf"(?m)^ *(\d+) .*{re.escape(name)}", listing)[1]) * 1024

    def test_the_commands(self):
        outputs = {}
        for line in self.COMMANDS:
            with self.subTest(line):
                if line.endswith(" &"):
                    self.start(line)
                    continue
                output, ended = self.run_line(line)
                outputs[line.split(" --url")[0]] = output
                # A doctor finds what there is, such as others that were killed in our container.
                self.assertIn(ended, (0, 3) if "doctor" in line else (0,), output)
                wanted = re.search(r" # (.*)", line)
                if wanted:
                    self.assertEqual(output, wanted[1])
        listing = outputs["ps -o rss,args -C python3,ullage"]
        own = {name: self.resident(listing, f"{name} --port {self.ports[port]}") for name, port in
               (("naive.py", "8080"), ("fixed.py", "8081"), ("ullage serve", "7379"))}
        self.assertGreater(own["naive.py"], 100_000_000)
        self.assertLess(own["ullage serve"], 64 << 20)
        self.assertLess(own["fixed.py"], 64 << 20)
        self.assertIn("user:<n>", outputs["ullage profile data"])
        self.assertRegex(outputs["ullage doctor"], r"\w")
        self.run_line("wait")  # all have ended
        self.assertNotIn("value.txt", os.listdir(self.folder))

    def test_the_difference_is_that_of_the_files(self):
        shown = re.search(r"```diff\n(.*?)```", README, re.DOTALL)[1].split("\n")
        naive, fixed = ((services.FOLDER / name).read_text(encoding="utf-8").splitlines()
                        for name in ("naive.py", "fixed.py"))
        lines = {"-": naive, "+": fixed}
        for line in filter(None, shown):
            self.assertIn(line[1:], lines[line[0]])
            self.assertNotIn(line[1:], lines["+" if line[0] == "-" else "-"])
        self.assertGreater(len(shown), 8)


@unittest.skipIf(servers.is_sanitized(), "nothing that a sanitizer would see")
class Manifest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        library = packages.libraries(os.environ["ULLAGE_CLIENTS"], "kubernetes",
                                     packages.KUBERNETES)
        sys.path.insert(0, library)
        cls.addClassCleanup(sys.path.remove, library)
        import yaml  # pylint: disable=import-outside-toplevel
        text = (services.FOLDER / "sidecar.yaml").read_text(encoding="utf-8")
        cls.deployment = yaml.safe_load(text)
        cls.pod = cls.deployment["spec"]["template"]["spec"]
        cls.ullage = cls.pod["initContainers"][0]
        cls.service = cls.pod["containers"][0]

    def test_schema(self):
        import kubernetes_validate  # pylint: disable=import-outside-toplevel

        def validate(one):
            kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)

        validate(self.deployment)
        with self.assertRaises(Exception):
            validate({**self.deployment, "spec": {**self.deployment["spec"], "replica": 1}})
        labels = self.deployment["spec"]["template"]["metadata"]["labels"]
        self.assertEqual(self.deployment["spec"]["selector"]["matchLabels"], labels)

    def test_it_is_a_sidecar_with_a_limit(self):
        self.assertEqual(self.ullage["restartPolicy"], "Always")
        self.assertIs(self.pod["enableServiceLinks"], False)
        for container in (self.ullage, self.service):
            resources = container["resources"]
            self.assertEqual(resources["requests"]["memory"], resources["limits"]["memory"])

    def test_both_start_with_it_and_find_each_other(self):
        # Loopback in place of all addresses, and free ports in place of fixed ones.
        arguments = [text.replace("0.0.0.0", "127.0.0.1") for text in self.ullage["args"]]
        self.assertEqual(arguments[0], "serve")
        limit = int(re.fullmatch(r"(\d+)Mi", self.ullage["resources"]["limits"]["memory"])[1]) << 20
        group = control_group.make(limit)
        if group is not None:
            self.addCleanup(group.remove)
        admin = servers.free_port()
        server = servers.ullage(*arguments[1:], tcp=True, group=group,
                                environment=self.environment(self.ullage, admin_port=admin))
        self.addCleanup(server.__exit__)
        address = next(one["value"] for one in self.service["env"]
                       if one["name"] == "ULLAGE_ADDRESS")
        self.assertEqual(address, "127.0.0.1:7379")
        options = [text.replace("0.0.0.0", "127.0.0.1") for text in self.service["args"]
                   if not text.startswith("--port")]
        self.assertEqual(self.service["command"], ["python3", "fixed.py"])
        environment = self.environment(self.service)
        environment["ULLAGE_ADDRESS"] = f"127.0.0.1:{server.address[1]}"
        service = services.Service("fixed.py", *options, environment={
            **environment, "PYTHONPATH": redis_library()})
        self.addCleanup(service.__exit__)
        with service.client() as client, server.connect() as wire:
            self.assertEqual(client("PUT", "/users/1/theme", "dark")[0], 204)
            self.assertEqual(client("GET", "/users/1/theme")[2], b"dark")
            self.assertIn("NOAUTH", str(wire.ask("HGET", "user:1", "theme")))
            self.assertEqual(wire.ask("AUTH", "geheim"), "OK")
            if group is not None:
                self.assertEqual(wire.ask("CONFIG", "GET", "maxmemory")[1],
                                 str(limit * 3 // 4).encode())
        for container, port in ((self.ullage, admin), (self.service, service.port)):
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                self.assertEqual(self.probe(container[probe]["httpGet"], port), 200, probe)

    def environment(self, container, admin_port=0):
        """Every secret is the same word."""
        made = {one["name"]: one.get("value", "geheim") for one in container["env"]}
        return {**made, "ULLAGE_ADMIN_PORT": str(admin_port)}

    def probe(self, asked, port):
        connection = services.http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            return services.ask(connection, "GET", asked["path"],
                                headers={"Host": f"10.1.2.3:{asked['port']}"})[0]
        finally:
            connection.close()


if __name__ == "__main__":
    unittest.main()
