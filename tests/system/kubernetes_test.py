"""The Kubernetes manifests: right by the published schemas, and what they say to the server works."""

import http.client
import os
import pathlib
import re
import sys
import tempfile
import unittest

from support import packages, servers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MANIFEST = ROOT / "deploy" / "kubernetes" / "ullage.yaml"


@unittest.skipIf(servers.is_sanitized(), "nothing that a sanitizer would see")
class Manifests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        kept = os.environ.get("ULLAGE_CLIENTS")
        if kept is None:
            scratch = tempfile.TemporaryDirectory()
            cls.addClassCleanup(scratch.cleanup)
            kept = scratch.name
        libraries = packages.libraries(kept, "kubernetes", packages.KUBERNETES)
        sys.path.insert(0, libraries)
        cls.addClassCleanup(sys.path.remove, libraries)
        import yaml  # pylint: disable=import-outside-toplevel
        cls.objects = {one["kind"]: one for one in yaml.safe_load_all(MANIFEST.read_text("utf-8"))}

    def test_schemas(self):
        import kubernetes_validate  # pylint: disable=import-outside-toplevel
        for kind, one in self.objects.items():
            with self.subTest(kind):
                kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)
        with self.assertRaises(Exception):
            wrong = {**self.objects["Service"], "spec": {"prots": []}}
            kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)

    def container(self):
        return self.objects["StatefulSet"]["spec"]["template"]["spec"]["containers"][0]

    def test_pods_may_do_as_little_as_they_need(self):
        pod = self.objects["StatefulSet"]["spec"]["template"]["spec"]
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        self.assertFalse(pod["automountServiceAccountToken"])
        for container in pod["containers"]:
            confined = container["securityContext"]
            self.assertTrue(confined["readOnlyRootFilesystem"])
            self.assertFalse(confined["allowPrivilegeEscalation"])
            self.assertEqual(confined["capabilities"], {"drop": ["ALL"]})

    def test_memory_is_one_number(self):
        resources = self.container()["resources"]
        self.assertEqual(resources["requests"]["memory"], resources["limits"]["memory"])

    def test_everything_selects_the_pods(self):
        pods = self.objects["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
        self.assertEqual(self.objects["StatefulSet"]["spec"]["selector"]["matchLabels"], pods)
        self.assertEqual(self.objects["Service"]["spec"]["selector"], pods)
        self.assertEqual(self.objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
                         pods)
        self.assertEqual(self.objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"], pods)

    def test_the_server_starts_with_it_and_answers_its_probes(self):
        container = self.container()
        settings = self.objects["ConfigMap"]["data"]["ullage.toml"]
        # Loopback in place of all addresses.
        settings = re.sub(r"0\.0\.0\.0", "127.0.0.1", settings)
        port = servers.free_port()
        environment = {one["name"]: "secret" for one in container["env"]}
        environment["ULLAGE_ADMIN_PORT"] = str(port)
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(settings)
            file.flush()
            self.assertEqual(container["args"][:2], ["serve", "--config"])
            with servers.ullage("--config", file.name, "--memory-limit", "64mb",
                                environment=environment) as server:
                with server.connect() as wire:
                    self.assertIn("NOAUTH", str(wire.ask("GET", "k")))
                    self.assertEqual(wire.ask("AUTH", "secret"), "OK")
                for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                    connection.request("GET", container[probe]["httpGet"]["path"],
                                       headers={"Host": "10.1.2.3:7380"})
                    self.assertEqual(connection.getresponse().status, 200, probe)
                    connection.close()


if __name__ == "__main__":
    unittest.main()
