"""The Helm chart, rendered without a cluster: right by the published schemas, the same as the plain
manifests at its defaults, strict about its values, and what it says to the server works."""

import base64
import contextlib
import copy
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import unittest

from support import control_group, helm, packages, servers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CHART = ROOT / "deploy" / "helm" / "ullage"
PLAIN = ROOT / "deploy" / "kubernetes" / "ullage.yaml"
RULES = ROOT / "deploy" / "prometheus" / "ullage.rules.yml"
GUIDE = ROOT / "docs" / "operating" / "deployment.md"
DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"

# Of resources of operators, which the published schemas do not have.
OPERATORS = {"ServiceMonitor", "PrometheusRule"}
EVERYTHING = """
memory: 2Gi
replicas: 2
image: {repository: somewhere/ullage, tag: "9", pullPolicy: Always, pullSecrets: [door]}
resources: {cpu: 500m}
settings:
  classes: ["session:* min=4mb max=8mb", "user:* max_fields=1000 idle_ttl=30m"]
  preset: config-cache
  max_clients: 1000000
  governor: true
  log_format: text
  bind: [0.0.0.0]
  tls_port: 7381
  drain_timeout: 20500
auth: {existingSecret: mine}
metrics:
  serviceMonitor: {enabled: true, interval: 15s, labels: {release: watcher}}
  prometheusRule: {enabled: true, labels: {release: watcher}}
autoscaling: {enabled: true, minReplicas: 2, maxReplicas: 6, targetUsePercent: 75}
networkPolicy:
  clients:
    - podSelector: {matchLabels: {app: shop}}
      namespaceSelector: {matchExpressions: [{key: team, operator: Exists}]}
    - ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}
  monitoringNamespace: watchers
podDisruptionBudget: {maxUnavailable: 50%}
serviceAccount: {name: account, annotations: {a: b}}
podLabels: {team: shop, app.kubernetes.io/name: not-this}
podAnnotations: {note: "1"}
nodeSelector: {disk: fast}
tolerations: [{key: dedicated, operator: Exists, effect: NoSchedule}]
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: Exists}]}]
topologySpreadConstraints:
  - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}
  - maxSkew: 1
    topologyKey: node
    whenUnsatisfiable: DoNotSchedule
    labelSelector: {matchLabels: {app: shop}}
priorityClassName: high
extraEnv: [{name: TZ, value: UTC}]
extraVolumes: [{name: certificates, secret: {secretName: certificates}}]
extraVolumeMounts: [{name: certificates, mountPath: /etc/certificates, readOnly: true}]
global: {anything: true}
"""
# Values, and what the refusal has to name.
REFUSED = {
    "memroy: 1Gi": "memroy",
    "image: {repo: x}": "image.*repo",
    "resources: {memory: 1Gi}": "resources.*memory",
    "auth: {pasword: x}": "auth.*pasword",
    "settings: {clases: []}": "settings.*clases",
    "metrics: {serviceMonitor: {on: true}}": "serviceMonitor.*on",
    "metrics: {prometheusRule: {on: true}}": "prometheusRule.*on",
    "metrics: {dashboard: {}}": "metrics.*dashboard",
    "autoscaling: {max: 3}": "autoscaling.*max",
    "networkPolicy: {enable: true}": "networkPolicy.*enable",
    "networkPolicy: {clients: [{pods: {}}]}": r"networkPolicy\.clients.*pods",
    "networkPolicy: {clients: [{podSelector: {labels: {}}}]}": "podSelector.*labels",
    "networkPolicy: {clients: [{}]}": r"networkPolicy\.clients",
    "podDisruptionBudget: {minAvailable: 1}": "podDisruptionBudget.*minAvailable",
    "serviceAccount: {made: true}": "serviceAccount.*made",
    "tolerations: [{kee: x}]": "tolerations.*kee",
    "affinity: {nodes: {}}": "affinity.*nodes",
    "topologySpreadConstraints: [{skew: 1}]": "topologySpreadConstraints.*",
    "extraEnv: [{nam: x}]": "extraEnv.*nam",
    "extraVolumeMounts: [{name: x, mountPath: /x, mode: 1}]": "extraVolumeMounts.*mode",
    "memory: 1GB": "memory.*pattern",
    "memory: 1 Gi": "memory.*pattern",
    "memory: -1Gi": "memory.*pattern",
    "memory: much": "memory.*pattern",
    "memory: true": "memory.*",
    "memory: null": "memory.*required",
    "memory: 63Mi": "memory: 63Mi is too small",
    "memory: 1024m": "memory: 1024m is too small",
    "memory: 1000000": "memory: 1000000 is too small",
    "memory: 87Gi": "memory: 87Gi is more than one server can use",
    "memory: 1E": "memory: 1E is more than one server can use",
    "replicas: -1": "replicas",
    "replicas: '2'": "replicas",
    "podLabels: {a: 1}": "podLabels.a",
    "settings: {io_threads: many}": "settings.io_threads",
    "settings: {memory_limit: 1gb}": "settings.memory_limit: it follows from the value memory",
    "settings: {password: x}": "settings.password: it is the value auth.password",
    "settings: {admin_token: x}": "settings.admin_token: it is the value auth.adminToken",
    "settings: {port: 1}": "settings.port: ",
    "settings: {tls_port: 7379}": "settings.tls_port: 7379 is taken",
    "settings: {tls_port: 7380}": "settings.tls_port: 7380 is taken",
    "fullnameOverride: '2024'": "the name 2024.* must begin with a small letter",
    "fullnameOverride: Cache": "the name Cache",
    "memory: 99999999999999999999E": "memory: 99999999999999999999E is more than one server can use",
    "memory: 1e999": "memory.*pattern",
    "settings: {admin_port: 1}": "settings.admin_port: ",
    "extraEnv: [{name: ULLAGE_MEMORY_LIMIT, value: 1gb}]": "extraEnv: ULLAGE_MEMORY_LIMIT",
    "auth: {existingSecret: one, password: two}": "auth: existingSecret",
    "autoscaling: {minReplicas: 5}": "minReplicas: 5 is more than autoscaling.maxReplicas: 4",
    "replicas: 5\nautoscaling: {enabled: true}":
        "replicas: 5 is more than autoscaling.maxReplicas: 4",
    "autoscaling: {minReplicas: 0}": "autoscaling.minReplicas",
    "autoscaling: {targetUsePercent: 100}": "autoscaling.targetUsePercent",
}


def leaves(value, path=()):
    """(path, value) of all that is no map or list."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from leaves(one, path + (key,))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from leaves(one, path + (index,))
    else:
        yield path, value


def pod_of(objects):
    return objects["StatefulSet"]["spec"]["template"]


def container_of(objects):
    return pod_of(objects)["spec"]["containers"][0]


def selectors_of(objects):
    """By kind, of those that are there, what selects pods."""
    where = {"StatefulSet": ("selector", "matchLabels"), "Service": ("selector",),
             "PodDisruptionBudget": ("selector", "matchLabels"),
             "NetworkPolicy": ("podSelector", "matchLabels"),
             "ServiceMonitor": ("selector", "matchLabels")}
    for kind, path in where.items():
        if kind in objects:
            selector = objects[kind]["spec"]
            for step in path:
                selector = selector[step]
            yield kind, selector


def selects(selector, labels):
    return selector.items() <= labels.items()


@contextlib.contextmanager
def cluster(secret):
    """What Helm asks a cluster for when it looks up a secret; yields its address."""
    answers = {
        "/version": {"major": "1", "minor": "30", "gitVersion": "v1.30.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
        "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [
            {"name": "secrets", "kind": "Secret", "namespaced": True, "verbs": ["get"]}]},
        "/api/v1/namespaces/shop/secrets/ullage": {
            "kind": "Secret", "apiVersion": "v1", "metadata": {"name": "ullage"}, "data": secret},
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # pylint: disable=invalid-name
            answer = answers.get(self.path.partition("?")[0])
            body = json.dumps(answer or {"kind": "Status", "apiVersion": "v1", "code": 404,
                                         "status": "Failure", "reason": "NotFound"}).encode()
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.server_port}"
        finally:
            listener.shutdown()
            thread.join()


@unittest.skipIf(servers.is_sanitized(), "nothing that a sanitizer would see")
class Chart(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        home = tempfile.TemporaryDirectory()
        cls.addClassCleanup(home.cleanup)
        kept = os.environ.get("ULLAGE_CLIENTS", home.name)
        cls.helm = helm.Helm(helm.program(kept), home.name)
        libraries = packages.libraries(kept, "kubernetes", packages.KUBERNETES)
        sys.path.insert(0, libraries)
        cls.addClassCleanup(sys.path.remove, libraries)
        import kubernetes_validate  # pylint: disable=import-outside-toplevel
        import yaml  # pylint: disable=import-outside-toplevel
        cls.validator = kubernetes_validate
        cls.yaml = yaml
        cls.plain = {one["kind"]: one for one in yaml.safe_load_all(PLAIN.read_text("utf-8"))}
        cls.values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
        cls.chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))

    def render(self, values=None, release="ullage", options=()):
        """Objects by kind: there is one of each."""
        code, out, errors = self.helm.run("template", release, CHART, "--namespace", "shop",
                                          *options, values=values)
        self.assertEqual(code, 0, errors)
        # Loading it as one does not see keys that stand twice.
        objects = [one for one in self.yaml.load_all(out, Loader=self.strict_loader()) if one]
        kinds = [one["kind"] for one in objects]
        self.assertEqual(len(kinds), len(set(kinds)), kinds)
        return {one["kind"]: one for one in objects}

    def strict_loader(self):
        class Loader(self.yaml.SafeLoader):
            def construct_mapping(self, node, deep=False):
                keys = [self.construct_object(key, deep=True) for key, _ in node.value]
                assert len(keys) == len(set(keys)), f"{keys}{node.start_mark}"
                return super().construct_mapping(node, deep)
        return Loader

    def validate(self, objects):
        for kind, one in objects.items():
            if kind not in OPERATORS:
                self.validator.validate(one, self.validator.latest_version(), strict=True)

    def test_lint(self):
        for values in (None, EVERYTHING):
            code, out, errors = self.helm.run("lint", "--strict", CHART, values=values)
            self.assertEqual(code, 0, out + errors)

    def test_defaults_and_everything_keep_to_the_schemas(self):
        with self.subTest("defaults"):
            self.validate(self.render())
        with self.subTest("everything"):
            objects = self.render(EVERYTHING)
            self.assertNotIn("Secret", objects)
            self.assertLessEqual(OPERATORS | {"HorizontalPodAutoscaler"}, set(objects))
            self.validate(objects)
        with self.subTest("as little as there can be"):
            objects = self.render("networkPolicy: {enabled: false}\nserviceAccount: {create: false}"
                                  "\npodDisruptionBudget: {enabled: false}")
            self.assertEqual(set(objects), {"Secret", "ConfigMap", "Service", "StatefulSet"})
            self.assertEqual(pod_of(objects)["spec"]["serviceAccountName"], "default")
            self.validate(objects)
        with self.assertRaises(Exception):
            wrong = self.render()
            wrong["Service"]["spec"]["prots"] = []
            self.validate(wrong)

    def test_defaults_are_the_plain_manifests(self):
        objects = self.render()
        self.assertEqual(set(objects), set(self.plain) | {"Secret"})
        version = re.search(r"^project\(ullage VERSION ([\d.]+)",
                            (ROOT / "CMakeLists.txt").read_text("utf-8"), re.MULTILINE)[1]
        self.assertEqual(self.chart["appVersion"], version)
        # What the chart says besides: labels of releases, what rolls the pods, a default.
        labels = {"helm.sh/chart": f"ullage-{self.chart['version']}",
                  "app.kubernetes.io/instance": "ullage", "app.kubernetes.io/version": version,
                  "app.kubernetes.io/managed-by": "Helm"}
        for kind, one in objects.items():
            self.assertEqual(labels.items() - one["metadata"]["labels"].items(), set(), kind)
            for label in labels:
                del one["metadata"]["labels"][label]
        for _, selector in selectors_of(objects):
            self.assertEqual(selector.pop("app.kubernetes.io/instance"), "ullage")
        self.assertEqual(pod_of(objects)["metadata"]["labels"].pop("app.kubernetes.io/instance"),
                         "ullage")
        self.assertEqual(list(pod_of(objects)["metadata"].pop("annotations")), ["checksum/config"])
        self.assertEqual(container_of(objects).pop("imagePullPolicy"), "IfNotPresent")
        for kind, plain in self.plain.items():
            with self.subTest(kind):
                plain = copy.deepcopy(plain)
                if kind == "ConfigMap":
                    for one in (plain, objects[kind]):
                        one["data"]["ullage.toml"] = tomllib.loads(one["data"]["ullage.toml"])
                self.assertEqual(objects[kind], plain)
        secret = objects["Secret"]["data"]
        refs = [one["valueFrom"]["secretKeyRef"] for one in container_of(objects)["env"]]
        self.assertEqual([one["key"] for one in refs if one["name"] == "ullage"
                          and len(base64.b64decode(secret[one["key"]])) == 32],
                         ["password", "admin-token"])

    def test_memory_is_one_number(self):
        size = re.compile(r"\d+(\.\d+)?\s*([KMGTPE]i?|[kmgt]i?)b?", re.IGNORECASE)
        self.assertEqual([path for path, value in leaves(self.values)
                          if size.fullmatch(str(value))], [("memory",)])
        rest = EVERYTHING.replace("memory: 2Gi\n", "")
        self.assertNotEqual(rest, EVERYTHING)
        for values in ("\nauth: {existingSecret: not-a-random-one}", rest):
            said = {number: dict(leaves(self.render(f"memory: {number}{values}")))
                    for number in ("1Gi", "3Gi")}
            changed = {path[-2:] for path in said["1Gi"] if said["1Gi"][path] != said["3Gi"][path]}
            self.assertEqual(changed, {("requests", "memory"), ("limits", "memory")})
        for given, told in (("3Gi", "3Gi"), ("1073741824", "1073741824"), ("'2e9'", "2e9"),
                            ("64Mi", "64Mi"), ("86Gi", "86Gi"), ("0.5Gi", "0.5Gi"),
                            ("67108.864k", "67108.864k"), ("85899345920000m", "85899345920000m")):
            resources = container_of(self.render(f"memory: {given}"))["resources"]
            self.assertEqual(resources, {"requests": {"cpu": "1", "memory": told},
                                         "limits": {"memory": told}})

    def test_two_releases_do_not_meet(self):
        releases = {name: self.render(EVERYTHING, name) for name in ("blue", "ullage-green")}
        for name, objects in releases.items():
            full = name if "ullage" in name else f"{name}-ullage"
            for kind, one in objects.items():
                self.assertEqual(one["metadata"]["name"],
                                 "account" if kind == "ServiceAccount" else full)
            self.assertEqual(objects["StatefulSet"]["spec"]["serviceName"], full)
            self.assertEqual(objects["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"],
                             full)
            self.assertEqual(pod_of(objects)["spec"]["volumes"][0]["configMap"]["name"], full)
            kinds = []
            for kind, selector in selectors_of(objects):
                kinds.append(kind)
                for other, theirs in releases.items():
                    # A ServiceMonitor selects services, the others pods.
                    labels = (theirs["Service"] if kind == "ServiceMonitor"
                              else pod_of(theirs))["metadata"]["labels"]
                    self.assertEqual(selects(selector, labels), other == name, (kind, other))
            self.assertEqual(len(kinds), 5)
        spread = pod_of(releases["blue"])["spec"]["topologySpreadConstraints"]
        self.assertEqual([one["labelSelector"]["matchLabels"] for one in spread],
                         [{"app.kubernetes.io/name": "ullage",
                           "app.kubernetes.io/instance": "blue"}, {"app": "shop"}])
        # A hash of eleven characters joins the name in a label, which may have 63.
        for one in (self.render(release="r" * 53), self.render(f"fullnameOverride: {'n' * 70}")):
            self.assertEqual(len(one["StatefulSet"]["metadata"]["name"]), 52)
        # Names are texts, also where they look like something else.
        for values in ("nameOverride: '2024'", "fullnameOverride: 'true'"):
            self.validate(self.render(values))
        self.assertEqual(self.render(release="my.rel")["Service"]["metadata"]["name"],
                         "my-rel-ullage")

    def test_wrong_values_are_refused_by_name(self):
        for values, named in REFUSED.items():
            with self.subTest(values):
                code, _, errors = self.helm.run("template", "ullage", CHART, values=values)
                self.assertNotEqual(code, 0)
                self.assertRegex(errors, named)

    def test_what_is_in_settings_is_what_the_server_has(self):
        text = subprocess.run([os.environ["ULLAGE_PROGRAM"], "serve", "--help"],
                              env=servers.clean_environment(), capture_output=True, text=True,
                              timeout=60, check=True).stdout
        told = {name.replace("-", "_") for name in re.findall(r"^ +(?:-\w,)?--([\w-]+)", text,
                                                              re.MULTILINE)}
        self.assertGreater(len(told), 30)
        schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
        known = set(schema["properties"]["settings"]["properties"])
        self.assertEqual(known, told - {"config", "help"})

    def test_everything_is_where_it_belongs(self):
        objects = self.render(EVERYTHING)
        self.assertNotIn("replicas", objects["StatefulSet"]["spec"])  # the autoscaler's
        metadata, pod, container = (pod_of(objects)["metadata"], pod_of(objects)["spec"],
                                    container_of(objects))
        self.assertEqual(metadata["labels"], {"app.kubernetes.io/name": "ullage",
                                              "app.kubernetes.io/instance": "ullage",
                                              "team": "shop"})
        self.assertEqual(metadata["annotations"]["note"], "1")
        self.assertEqual(container["image"], "somewhere/ullage:9")
        self.assertEqual(pod["imagePullSecrets"], [{"name": "door"}])
        self.assertEqual(pod["terminationGracePeriodSeconds"], 31)
        self.assertEqual(pod["enableServiceLinks"], False)
        self.assertEqual({one["valueFrom"]["secretKeyRef"]["name"] for one in container["env"]
                          if "valueFrom" in one}, {"mine"})
        self.assertIn({"name": "TZ", "value": "UTC"}, container["env"])
        for name in ("nodeSelector", "tolerations", "affinity", "priorityClassName"):
            self.assertEqual(pod[name], self.yaml.safe_load(EVERYTHING)[name])
        policy = objects["NetworkPolicy"]["spec"]["ingress"]
        self.assertEqual(policy[0]["from"],
                         self.yaml.safe_load(EVERYTHING)["networkPolicy"]["clients"])
        self.assertEqual([one["port"] for one in policy[0]["ports"]], ["redis", "redis-tls"])
        # A rule without `from` would let everybody in.
        closed = self.render("networkPolicy: {clients: [], monitoringNamespace: ''}")
        self.assertEqual(closed["NetworkPolicy"]["spec"]["ingress"], [])
        # All that is named by a port's name exists.
        ports = {one["name"]: one["containerPort"] for one in container["ports"]}
        self.assertEqual(ports, {"redis": 7379, "admin": 7380, "redis-tls": 7381})
        for one in objects["Service"]["spec"]["ports"]:
            self.assertEqual((ports[one["targetPort"]], one["name"]),
                             (one["port"], one["targetPort"]))
        for rule in policy:
            self.assertLessEqual({one["port"] for one in rule["ports"]}, set(ports))

    def test_what_operators_read(self):
        objects = self.render(EVERYTHING)
        for kind in OPERATORS:
            self.assertEqual(objects[kind]["apiVersion"], "monitoring.coreos.com/v1")
            self.assertEqual(objects[kind]["metadata"]["labels"]["release"], "watcher")
        monitor = objects["ServiceMonitor"]["spec"]
        self.assertEqual(set(monitor), {"selector", "endpoints"})
        self.assertEqual(monitor["endpoints"],
                         [{"port": "admin", "path": "/metrics", "interval": "15s"}])
        self.assertIn("admin", [one["name"] for one in objects["Service"]["spec"]["ports"]])
        copied = (CHART / "files" / "ullage.rules.yml").read_text("utf-8")
        self.assertEqual(copied, RULES.read_text("utf-8"), "copy it into the chart")
        self.assertEqual(objects["PrometheusRule"]["spec"], self.yaml.safe_load(copied))

    def test_a_changed_setting_rolls_the_pods(self):
        def annotations(values, *options):
            return pod_of(self.render(values, options=options))["metadata"]["annotations"]
        self.assertEqual(annotations(""), annotations("metrics: {serviceMonitor: {enabled: true}}"))
        self.assertNotEqual(annotations(""), annotations("settings: {io_threads: 2}"))
        first, same, second = (annotations(f"auth: {{password: {word}}}")
                               for word in ("one", "one", "two"))
        self.assertEqual(first, same)
        self.assertNotEqual(first, second)

    def test_a_random_password_stays(self):
        one, other = (self.render()["Secret"]["data"] for _ in range(2))
        self.assertNotEqual(one["password"], other["password"])
        self.assertNotEqual(one["password"], one["admin-token"])
        for there, values, expected in (
                (one, "", one),
                (one, "auth: {password: x}", {**one, "password": "eA=="}),
                ({"password": "eA=="}, "", {"password": "eA=="})):
            with cluster(there) as address:
                data = self.render(values, options=("--dry-run=server", "--kube-apiserver",
                                                    address))["Secret"]["data"]
            self.assertLessEqual(expected.items(), data.items())
            self.assertEqual(len(data), 2)

    def test_notes(self):
        # Only an installation shows them: so they are rendered as part of an object.
        with tempfile.TemporaryDirectory() as folder:
            chart = shutil.copytree(CHART, pathlib.Path(folder) / "ullage")
            (chart / "templates" / "notes.yaml").write_text(
                '{{ define "notes" }}' + (chart / "templates" / "NOTES.txt").read_text("utf-8") +
                '{{ end }}kind: Notes\ntext: |\n{{ include "notes" . | indent 2 }}\n', "utf-8")
            code, out, errors = self.helm.run("template", "blue", chart, "--namespace", "shop",
                                              "--show-only", "templates/notes.yaml",
                                              values=EVERYTHING)
        self.assertEqual(code, 0, errors)
        notes = self.yaml.safe_load(out)["text"]
        for text in ("2Gi", "blue-ullage.shop.svc", "get secret mine", "ullage_cache_use_ratio"):
            self.assertIn(text, notes)
        for path in re.findall(r"\b(?:deploy|docs)/[\w./]+\w", notes):
            self.assertTrue((ROOT / path).is_file(), path)

    @contextlib.contextmanager
    def serve(self, values, *options, group=None):
        """The server as a pod would have it, on loopback; with the port of the admin."""
        objects = self.render(values)
        container = container_of(objects)
        self.assertEqual(container["args"], ["serve", "--config", "/etc/ullage/ullage.toml"])
        port = servers.free_port()
        environment = {one["name"]: one.get("value", "secret") for one in container["env"]}
        environment = {name: value.replace("0.0.0.0", "127.0.0.1")
                       for name, value in environment.items()}
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(objects["ConfigMap"]["data"]["ullage.toml"].replace("0.0.0.0", "127.0.0.1"))
            file.flush()
            with servers.ullage("--config", file.name, "--admin-port", str(port), *options,
                                environment=environment, group=group) as server:
                yield server, port, objects

    def get(self, port, path):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", path, headers={"Host": "10.1.2.3:7380"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        self.assertEqual(answer.status, 200, path)
        return text

    def test_the_server_starts_with_it_and_answers_its_probes(self):
        values = EVERYTHING.replace("  tls_port: 7381\n", "")  # there are no certificates
        with self.serve(values, "--memory-limit", "64mb", "--max-clients",
                        "100") as (server, port, objects):
            with server.connect() as wire:
                self.assertIn("NOAUTH", str(wire.ask("GET", "k")))
                self.assertEqual(wire.ask("AUTH", "secret"), "OK")
                classes = wire.ask("CONFIG", "GET", "classes")[1].decode()
            for pattern in ("session:*", "user:*"):
                self.assertIn(pattern, classes)
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                self.get(port, container_of(objects)[probe]["httpGet"]["path"])
            # The chart's own file wants JSON, and these settings text.
            self.assertFalse(server.log().startswith("{"), server.log())
        with self.serve("", "--memory-limit", "64mb") as (server, _, _):
            self.assertTrue(server.log().startswith("{"), server.log())

    def test_the_image_sets_nothing_that_settings_could_not_change(self):
        # A variable would come before the file that is mounted.
        self.assertNotIn("ULLAGE_", re.sub(r"#.*", "", DOCKERFILE.read_text("utf-8")))

    def test_the_least_memory_is_enough(self):
        group = control_group.make(64 << 20)
        if group is None:
            self.skipTest("no control group can be made here")
        self.addCleanup(group.remove)
        with self.serve("memory: 64Mi", group=group) as (server, port, _):
            self.assertIn("ullage_limit_bytes 50331648\n", self.get(port, "/metrics"))
            with server.connect() as wire:
                wire.ask("AUTH", "secret")
                self.assertEqual(wire.ask("SET", "k", "v"), "OK")

    def test_autoscaling_goes_by_what_the_server_tells(self):
        text = re.search(r"```yaml\n(rules:\n.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)[1]
        rule, = self.yaml.safe_load(text)["rules"]
        metric = self.render(EVERYTHING)["HorizontalPodAutoscaler"]["spec"]["metrics"][0]["pods"]
        self.assertEqual(metric["metric"]["name"], rule["name"]["as"])
        self.assertEqual(metric["target"], {"type": "AverageValue", "averageValue": "750m"})
        series = set(re.findall(r"\bullage_\w+", rule["metricsQuery"] + rule["seriesQuery"]))
        self.assertEqual(len(series), 2)

        def used(port):
            told = dict(re.findall(r"^(ullage_\w+) (\S+)$",
                                   self.get(port, path), re.MULTILINE))
            self.assertLessEqual(series, set(told))
            sums = re.sub(r"sum\((\w+){<<\.LabelMatchers>>}\) by \(<<\.GroupBy>>\)",
                          lambda one: told[one[1]], rule["metricsQuery"])
            self.assertRegex(sums, r"^[\d\s./-]+$")
            return eval(sums)  # pylint: disable=eval-used

        path = self.render(EVERYTHING)["ServiceMonitor"]["spec"]["endpoints"][0]["path"]
        with self.serve("", "--memory-limit", "64mb") as (server, port, _):
            empty = used(port)
            self.assertLess(empty, 0.25)
            with server.connect() as wire:
                wire.ask("AUTH", "secret")
                wire.pipeline([["SET", f"key:{i}", "v" * 1000] for i in range(60_000)])
            deadline = time.monotonic() + 30
            while used(port) < 0.85:
                self.assertLess(time.monotonic(), deadline, used(port))
                time.sleep(0.05)


if __name__ == "__main__":
    unittest.main()
