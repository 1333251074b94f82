"""What scripts and operators in Python do."""
import time

from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException
from kubernetes.stream import portforward, stream

config.load_kube_config()
core, apps, batch = client.CoreV1Api(), client.AppsV1Api(), client.BatchV1Api()
NAMESPACE = "default"


def ok(text):
    print("ok -", text)


def until(text, seconds, condition):
    """The seconds are for a quiet machine; a loaded one may take much longer."""
    seconds = max(4 * seconds, 90)
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"FAIL: {text}: not within {seconds} s")
        time.sleep(0.05)
    ok(text)


def fails(text, code, action):
    try:
        action()
    except ApiException as error:
        assert error.status == code, f"{text}: {error}"
        return ok(text)
    raise SystemExit(f"FAIL: {text}: it succeeded")


def pod(name, command):
    spec = client.V1PodSpec(termination_grace_period_seconds=0, containers=[
        client.V1Container(name="c", image="tools:1.0", command=command, stdin=True)])
    return client.V1Pod(metadata=client.V1ObjectMeta(name=name, labels={"app": name}), spec=spec)


def objects():
    made = core.create_namespaced_config_map(NAMESPACE, client.V1ConfigMap(metadata=client.V1ObjectMeta(name="c"), data={"a": "b"}))
    assert made.metadata.uid and made.metadata.creation_timestamp
    ok("create")
    fails("create twice", 409, lambda: core.create_namespaced_config_map(NAMESPACE, client.V1ConfigMap(metadata=client.V1ObjectMeta(name="c"))))
    fails("read what isn't there", 404, lambda: core.read_namespaced_config_map("x", NAMESPACE))
    made.data["a"] = "c"
    assert core.replace_namespaced_config_map("c", NAMESPACE, made).data["a"] == "c"
    ok("replace")
    assert core.patch_namespaced_config_map("c", NAMESPACE, {"data": {"p": "1"}}).data == {"a": "c", "p": "1"}
    ok("patch")
    first = core.list_namespaced_config_map(NAMESPACE, limit=1)
    assert len(first.items) == 1
    ok("list")
    core.delete_namespaced_config_map("c", NAMESPACE)
    fails("it is deleted", 404, lambda: core.read_namespaced_config_map("c", NAMESPACE))
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name="py")))
    core.create_namespaced_secret("py", client.V1Secret(metadata=client.V1ObjectMeta(name="s"), string_data={"k": "v"}))
    assert core.read_namespaced_secret("s", "py").data == {"k": "dg=="}
    ok("a secret")
    core.delete_namespace("py")
    until("a namespace goes with what is in it", 20, lambda: "py" not in [n.metadata.name for n in core.list_namespace().items])


def deployments():
    template = client.V1PodTemplateSpec(metadata=client.V1ObjectMeta(labels={"app": "web"}), spec=client.V1PodSpec(
        termination_grace_period_seconds=0, containers=[client.V1Container(name="c", image="tools:1.0")]))
    apps.create_namespaced_deployment(NAMESPACE, client.V1Deployment(metadata=client.V1ObjectMeta(name="web"), spec=client.V1DeploymentSpec(
        replicas=1, selector=client.V1LabelSelector(match_labels={"app": "web"}), template=template)))
    for event in watch.Watch().stream(apps.list_namespaced_deployment, NAMESPACE, timeout_seconds=300):
        if event["type"] in ("ADDED", "MODIFIED") and event["object"].status.ready_replicas == 1:
            break
    else:
        raise SystemExit("FAIL: the deployment never became ready in the watch")
    ok("a watch tells when it is ready")
    apps.patch_namespaced_deployment_scale("web", NAMESPACE, {"spec": {"replicas": 2}})
    until("scale", 30, lambda: apps.read_namespaced_deployment("web", NAMESPACE).status.ready_replicas == 2)
    assert core.list_namespaced_pod(NAMESPACE, label_selector="app=web", field_selector="status.phase=Running").items
    ok("selectors")
    apps.delete_namespaced_deployment("web", NAMESPACE, propagation_policy="Foreground")
    until("delete in the foreground", 30, lambda: not apps.list_namespaced_deployment(NAMESPACE).items)
    ended = list(watch.Watch().stream(core.list_namespaced_config_map, NAMESPACE, timeout_seconds=1))
    assert all(e["type"] == "ADDED" for e in ended)
    ok("a watch ends after its time")


def overrun():
    """The server's history is overrun while nobody watches: 410, a new list, and on."""
    def write(name, value):
        core.patch_namespaced_config_map(name, NAMESPACE, {"data": {"value": value}})

    def labelled(name):
        core.create_namespaced_config_map(NAMESPACE, client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"gone": "yes"}),
                                                                       data={"value": "1"}))

    for name in ("stays", "leaves"):
        labelled(name)
    watcher = watch.Watch()
    for event in watcher.stream(core.list_namespaced_config_map, NAMESPACE, label_selector="gone=yes"):
        if event["object"].metadata.name == "stays":
            break
    last = event["object"].metadata.resource_version
    core.delete_namespaced_config_map("leaves", NAMESPACE)
    labelled("comes")
    core.create_namespaced_config_map(NAMESPACE, client.V1ConfigMap(metadata=client.V1ObjectMeta(name="much"), data={"much": "x"}))
    for i in range(14):
        core.patch_namespaced_config_map("much", NAMESPACE, {"data": {"much": str(i) + 900000 * "x"}})

    def watch_from(version):
        for each in watch.Watch().stream(core.list_namespaced_config_map, NAMESPACE, label_selector="gone=yes", resource_version=version):
            raise SystemExit(f"FAIL: a watch from before saw {each}")

    fails("a watch from before hears 410", 410, lambda: watch_from(last))
    fresh = core.list_namespaced_config_map(NAMESPACE, label_selector="gone=yes")
    assert sorted(each.metadata.name for each in fresh.items) == ["comes", "stays"], fresh
    ok("a new list tells what has left and come")
    write("stays", "2")
    for event in watch.Watch().stream(core.list_namespaced_config_map, NAMESPACE, label_selector="gone=yes",
                                      resource_version=fresh.metadata.resource_version):
        assert (event["type"], event["object"].metadata.name, event["object"].data["value"]) == ("MODIFIED", "stays", "2"), event
        break
    ok("and a watch goes on from there")
    core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="gone=yes")
    core.delete_namespaced_config_map("much", NAMESPACE)


def streams():
    core.create_namespaced_pod(NAMESPACE, pod("talker", ["sh", "-c", "echo one; echo two; httpd -f -p 8080 -h /www"]))
    until("a pod runs", 30, lambda: core.read_namespaced_pod("talker", NAMESPACE).status.phase == "Running")
    until("its log", 10, lambda: core.read_namespaced_pod_log("talker", NAMESPACE, tail_lines=1) == "two\n")
    assert stream(core.connect_get_namespaced_pod_exec, "talker", NAMESPACE, command=["echo", "hi"], stdout=True, stderr=True, stdin=False,
                  tty=False) == "hi\n"
    ok("exec")
    shell = stream(core.connect_get_namespaced_pod_exec, "talker", NAMESPACE, command=["sh"], stdin=True, stdout=True, stderr=True, tty=False,
                   _preload_content=False)
    shell.write_stdin("echo from stdin; exit 4\n")
    shell.run_forever(timeout=100)
    assert "from stdin" in shell.read_stdout(), "no output"
    assert shell.returncode == 4, shell.returncode
    ok("exec with standard input and exit code")
    until("its port is open", 10, lambda: "hello" in stream(core.connect_get_namespaced_pod_exec, "talker", NAMESPACE, stdout=True, stderr=True,
          stdin=False, tty=False, command=["sh", "-c", "wget -q -O - http://127.0.0.1:8080/ || true"]))
    forward = portforward(core.connect_get_namespaced_pod_portforward, "talker", NAMESPACE, ports="8080")
    socket = forward.socket(8080)
    socket.setblocking(True)
    socket.sendall(b"GET / HTTP/1.0\r\n\r\n")
    text = b""
    while True:
        data = socket.recv(4096)
        if not data:
            break
        text += data
    assert b"hello" in text, text
    ok("port-forward")
    core.delete_namespaced_pod("talker", NAMESPACE, grace_period_seconds=0)


def events():
    newer = client.EventsV1Api()
    involved = client.V1ObjectReference(kind="Pod", name="nobody", namespace=NAMESPACE)
    core.create_namespaced_event(NAMESPACE, client.CoreV1Event(
        metadata=client.V1ObjectMeta(name="old"), involved_object=involved, reason="Told", message="m", type="Normal",
        reporting_component="press", first_timestamp="2026-01-02T03:04:05Z"))
    assert core.read_namespaced_event("old", NAMESPACE).event_time is None
    ok("an event of the older kind has no event time")
    listed = {e.metadata.name: e for e in newer.list_namespaced_event(NAMESPACE).items}
    assert listed["old"].event_time and listed["old"].note == "m", listed["old"]
    assert any(e.reason == "Scheduled" for e in listed.values()), listed.keys()
    ok("all events are listed by events.k8s.io, too")
    assert [e.metadata.name for e in core.list_namespaced_event(NAMESPACE, field_selector="reportingComponent=press").items] == ["old"]
    assert [e.metadata.name for e in newer.list_namespaced_event(NAMESPACE, field_selector="regarding.name=nobody").items] == ["old"]
    ok("chosen by who told them and of whom")
    told = next(watch.Watch().stream(newer.list_namespaced_event, NAMESPACE, field_selector="reportingController=press", timeout_seconds=20))
    assert told["object"].event_time, told
    ok("and watched")


def dynamic_client():
    api = dynamic.DynamicClient(client.ApiClient())
    kinds = api.resources.get(api_version="v1", kind="ConfigMap")
    kinds.create(namespace=NAMESPACE, body={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dyn"}, "data": {"a": "b"}})
    assert kinds.get(name="dyn", namespace=NAMESPACE).data.a == "b"
    kinds.delete(name="dyn", namespace=NAMESPACE)
    ok("the dynamic client finds its way by discovery")


objects()
deployments()
overrun()
streams()
events()
dynamic_client()
