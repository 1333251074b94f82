// What dashboards and operators in JavaScript do. Arguments: the client's module, a folder to work in.
import assert from 'node:assert';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import stream from 'node:stream';

const [name, work] = process.argv.slice(2);
const k8s = await import(name);
const config = new k8s.KubeConfig();
config.loadFromFile(process.env.KUBECONFIG);
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);
const custom = config.makeApiClient(k8s.CustomObjectsApi);
const namespace = 'default';

// Client 2 tells its own abort as an error of a stream that nobody can listen to.
process.on('uncaughtException', (error) => {
    if (error.name === 'AbortError') return;
    console.error(error);
    process.exit(1);
});
const ok = (text) => console.log('ok -', text);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
async function until(text, seconds, condition) {
    const end = Date.now() + Math.max(4 * seconds, 90) * 1000; // the seconds are for a quiet machine
    for (;;) {
        if (await condition()) return ok(text);
        if (Date.now() > end) throw new Error(`${text}: not within ${Math.max(4 * seconds, 90)} s`);
        await sleep(50);
    }
}
async function fails(text, code, action) {
    let error;
    try { await action(); } catch (e) { error = e; }
    assert(error, `${text}: it succeeded`);
    assert.strictEqual(error.code ?? error.statusCode, code, `${text}: ${error}`);
    ok(text);
}
const patchAs = (type) => k8s.setHeaderOptions('Content-Type', type);
const container = (more) => ({ name: 'c', image: 'tools:1.0', ...more });
const pod = (podName, more) => ({
    metadata: { name: podName, labels: { app: podName } },
    spec: { terminationGracePeriodSeconds: 0, containers: [container(more)] },
});
const phase = async (podName) => (await core.readNamespacedPod({ name: podName, namespace })).status.phase;

// ---- objects
const version = await config.makeApiClient(k8s.VersionApi).getCode();
assert.match(version.gitVersion, /^v1\.\d+\.\d+/);
ok('version');
const made = await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'c' }, data: { a: 'b' } } });
assert(made.metadata.uid);
assert(made.metadata.creationTimestamp instanceof Date);
ok('create');
await fails('create twice', 409, () => core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'c' } } }));
await fails('read what is not there', 404, () => core.readNamespacedConfigMap({ name: 'x', namespace }));
const read = await core.readNamespacedConfigMap({ name: 'c', namespace });
read.data.a = 'c';
const replaced = await core.replaceNamespacedConfigMap({ name: 'c', namespace, body: read });
assert.strictEqual(replaced.data.a, 'c');
ok('replace');
await fails('replace an old version', 409, () => core.replaceNamespacedConfigMap({ name: 'c', namespace, body: { ...read, data: { a: 'd' } } }));
await core.patchNamespacedConfigMap({ name: 'c', namespace, body: { data: { m: '1' } } }, patchAs('application/merge-patch+json'));
await core.patchNamespacedConfigMap({ name: 'c', namespace, body: { data: { s: '1' } } }, patchAs('application/strategic-merge-patch+json'));
const patched = await core.patchNamespacedConfigMap(
    { name: 'c', namespace, body: [{ op: 'add', path: '/data/j', value: '1' }] }, patchAs('application/json-patch+json'));
assert.deepStrictEqual(patched.data, { a: 'c', m: '1', s: '1', j: '1' });
ok('patch in three ways');
const applied = await core.patchNamespacedConfigMap(
    { name: 'applied', namespace, fieldManager: 'test', force: true,
        body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' }, data: { x: 'y' } } },
    patchAs('application/apply-patch+yaml'));
assert.strictEqual(applied.data.x, 'y');
ok('server-side apply');
const list = await core.listNamespacedConfigMap({ namespace, labelSelector: '!nothing', limit: 1 });
assert.strictEqual(list.items.length, 1);
assert(list.metadata._continue);
const rest = await core.listNamespacedConfigMap({ namespace, labelSelector: '!nothing', _continue: list.metadata._continue });
assert(rest.items.length >= 1);
ok('list with limit and continue');
await core.deleteNamespacedConfigMap({ name: 'c', namespace });
ok('delete');
await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'd1', labels: { d: '1' } } } });
await core.createNamespacedConfigMap({ namespace, body: { metadata: { generateName: 'd-', labels: { d: '1' } } } });
await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'd=1' });
assert.strictEqual((await core.listNamespacedConfigMap({ namespace, labelSelector: 'd=1' })).items.length, 0);
ok('delete a collection');

// ---- a deployment, watched
const deployment = {
    metadata: { name: 'web' },
    spec: { replicas: 1, selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec: { terminationGracePeriodSeconds: 0, containers: [container()] } } },
};
const seen = [];
const informer = k8s.makeInformer(config, `/apis/apps/v1/namespaces/${namespace}/deployments`,
    () => apps.listNamespacedDeployment({ namespace }));
for (const event of ['add', 'update', 'delete'])
    informer.on(event, (object) => seen.push(`${event} ${object.metadata.name} ${object.spec.replicas}`));
let errors = 0;
informer.on('error', () => { errors++; setTimeout(() => informer.start(), 200); });
await informer.start();
await apps.createNamespacedDeployment({ namespace, body: deployment });
await until('the informer sees it', 10, () => seen.includes('add web 1'));
await until('its pod is ready', 30, async () => (await apps.readNamespacedDeployment({ name: 'web', namespace })).status.readyReplicas === 1);
const scale = await apps.readNamespacedDeploymentScale({ name: 'web', namespace });
scale.spec.replicas = 2;
await apps.replaceNamespacedDeploymentScale({ name: 'web', namespace, body: scale });
await until('the informer sees the scale', 10, () => seen.includes('update web 2'));

// ---- the server is killed; the informer goes on
fs.writeFileSync(`${work}/restart`, '');
await until('the server is away and back', 40, () => fs.existsSync(`${work}/restarted`));
await until('a change gets through', 30, async () => {
    try {
        await apps.patchNamespacedDeployment({ name: 'web', namespace, body: { spec: { replicas: 3 } } },
            patchAs('application/merge-patch+json'));
        return true;
    } catch { return false; }
});
await until('the informer sees what came after the restart', 40, () => seen.includes('update web 3'));
await apps.deleteNamespacedDeployment({ name: 'web', namespace });
await until('and the end', 20, () => seen.some((line) => line.startsWith('delete web')));
await informer.stop();

// ---- the server's history is overrun while the informer is cut off: 410, a new list, and on
const cluster = config.getCurrentCluster();
const address = new URL(cluster.server);
const lines = new Set();
let isCut = false;
const wire = net.createServer((near) => {
    if (isCut) return near.destroy();
    const far = net.connect(address.port, address.hostname);
    for (const [one, other] of [[near, far], [far, near]]) {
        lines.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => { lines.delete(one); other.destroy(); });
        one.pipe(other);
    }
});
await new Promise((done) => wire.listen(0, '127.0.0.1', done));
const wired = new k8s.KubeConfig();
wired.loadFromOptions({
    clusters: [{ ...cluster, server: `https://127.0.0.1:${wire.address().port}`, tlsServerName: cluster.tlsServerName ?? address.hostname }],
    users: [config.getCurrentUser()], contexts: [{ name: 'w', cluster: cluster.name, user: config.getCurrentUser().name }], currentContext: 'w' });
const wiredCore = wired.makeApiClient(k8s.CoreV1Api);
const maps = `/api/v1/namespaces/${namespace}/configmaps`;
const labelled = (mapName, value) => ({ metadata: { name: mapName, labels: { gone: 'yes' } }, data: { value } });
const write = (mapName, value) => core.patchNamespacedConfigMap({ name: mapName, namespace, body: { data: { value } } }, patchAs('application/merge-patch+json'));
for (const each of ['stays', 'changes', 'leaves']) await core.createNamespacedConfigMap({ namespace, body: labelled(each, '1') });
const told = [];
let lists = 0, cuts = 0;
const gone = k8s.makeInformer(wired, maps, () => { lists++; return wiredCore.listNamespacedConfigMap({ namespace, labelSelector: 'gone=yes' }); }, 'gone=yes');
for (const event of ['add', 'update', 'delete'])
    gone.on(event, (object) => told.push(`${event} ${object.metadata.name} ${object.data.value}`));
gone.on('error', () => { cuts++; setTimeout(() => gone.start(), 100); });
await gone.start();
await write('stays', '2');
await until('an informer behind a wire of its own', 20, () => told.includes('update stays 2'));
const last = (await core.readNamespacedConfigMap({ name: 'stays', namespace })).metadata.resourceVersion;
const listsBefore = lists;
isCut = true;
for (const line of lines) line.destroy();
await until('the wire is cut', 20, () => cuts > 0);
await write('changes', '2');
await core.deleteNamespacedConfigMap({ name: 'leaves', namespace });
await core.createNamespacedConfigMap({ namespace, body: labelled('comes', '1') });
const much = 'x'.repeat(900_000);
await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'much' }, data: { much } } });
for (let i = 0; i < 12; i++)
    await core.patchNamespacedConfigMap({ name: 'much', namespace, body: { data: { much: `${i}${much}` } } }, patchAs('application/merge-patch+json'));
const answer = await new Promise((done, failed) => {
    new k8s.Watch(config).watch(maps, { resourceVersion: last }, (phase, object) => done({ phase, object }), (error) => failed(error ?? new Error('it ended')))
        .catch(failed);
});
assert.strictEqual(answer.phase, 'ERROR');
assert.strictEqual(answer.object.code, 410);
ok('a watch from before hears 410');
assert.strictEqual(lists, listsBefore);
isCut = false;
await until('the informer lists again', 60, () => lists === listsBefore + 1);
await until('and tells what has changed, left and come', 20, () => ['update changes 2', 'delete leaves 1', 'add comes 1'].every((line) => told.includes(line)));
await write('stays', '3');
await until('and goes on with a watch', 20, () => told.includes('update stays 3'));
assert.strictEqual(lists, listsBefore + 1);
assert.strictEqual(told.filter((line) => line.startsWith('add stays')).length, 1);
await gone.stop();
wire.close();
for (const line of lines) line.destroy();
await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'gone=yes' });
await core.deleteNamespacedConfigMap({ name: 'much', namespace });

// ---- logs, exec, attach, copy, port-forward
await core.createNamespacedPod({ namespace, body: pod('talker', { command: ['sh', '-c', 'echo one; echo two; httpd -f -p 8080 -h /www'] }) });
await until('a pod runs', 30, async () => await phase('talker') === 'Running');
await until('its log is read', 10, async () => (await core.readNamespacedPodLog({ name: 'talker', namespace })).includes('two'));
const collect = () => {
    const sink = new stream.Writable({ write(chunk, _, done) { sink.text += chunk; sink.bytes.push(chunk); done(); } });
    sink.text = '';
    sink.bytes = [];
    return sink;
};
const follow = collect();
const logging = await new k8s.Log(config).log(namespace, 'talker', 'c', follow, { follow: true, tailLines: 1 });
await until('its log is followed', 10, () => follow.text.includes('two'));
logging.abort();
const exec = new k8s.Exec(config);
const run = (command, stdin) => new Promise((done, failed) => {
    const out = collect(), err = collect();
    exec.exec(namespace, 'talker', 'c', command, out, err, stdin ?? null, false, (status) => done({ out, err, status })).catch(failed);
});
let result = await run(['sh', '-c', 'echo out; echo err >&2; exit 3']);
assert.strictEqual(result.out.text, 'out\n');
assert.strictEqual(result.err.text, 'err\n');
assert.strictEqual(result.status.reason, 'NonZeroExitCode');
assert.strictEqual(result.status.details.causes[0].message, '3');
ok('exec with both outputs and the exit code');
const blob = crypto.randomBytes(2_000_000);
result = await run(['sha256sum'], stream.Readable.from([blob]));
assert(result.out.text.startsWith(crypto.createHash('sha256').update(blob).digest('hex')), result.out.text);
ok('exec with two megabytes of standard input');
const forward = new k8s.PortForward(config);
const server = net.createServer((socket) => { forward.portForward(namespace, 'talker', [8080], socket, null, socket); });
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const get = () => new Promise((done, failed) => {
    http.get({ port: server.address().port, path: '/', agent: false }, (answer) => {
        let text = '';
        answer.on('data', (data) => { text += data; });
        answer.on('end', () => done(text));
    }).on('error', failed);
});
await until('port-forward', 10, async () => { // the container may not listen yet
    try { return (await get()).includes('hello'); } catch { return false; }
});
server.close();

// ---- custom resources
const crds = config.makeApiClient(k8s.ApiextensionsV1Api);
await crds.createCustomResourceDefinition({ body: {
    metadata: { name: 'gizmos.example.com' },
    spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'gizmos', singular: 'gizmo', kind: 'Gizmo' },
        versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} },
            schema: { openAPIV3Schema: { type: 'object', properties: {
                spec: { type: 'object', properties: { size: { type: 'integer', minimum: 1, _default: 5 } } },
                status: { type: 'object', x_kubernetes_preserve_unknown_fields: true } } } } }] },
} });
const gizmos = { group: 'example.com', version: 'v1', namespace, plural: 'gizmos' };
await until('a custom kind is served', 10, async () => {
    try { await custom.listNamespacedCustomObject(gizmos); return true; } catch { return false; }
});
const gizmo = await custom.createNamespacedCustomObject({ ...gizmos,
    body: { apiVersion: 'example.com/v1', kind: 'Gizmo', metadata: { name: 'g' }, spec: {} } });
assert.strictEqual(gizmo.spec.size, 5);
ok('a custom object gets its defaults');
await fails('a bad one is refused', 422, () => custom.createNamespacedCustomObject({ ...gizmos,
    body: { apiVersion: 'example.com/v1', kind: 'Gizmo', metadata: { name: 'bad' }, spec: { size: 0 } } }));
await crds.deleteCustomResourceDefinition({ name: 'gizmos.example.com' });

// ---- events, of both groups
await core.createNamespacedEvent({ namespace, body: { metadata: { name: 'old' }, reason: 'Told', message: 'm', type: 'Normal',
    involvedObject: { kind: 'Pod', name: 'nobody', namespace }, reportingComponent: 'press', firstTimestamp: new Date(1e12) } });
const older = await core.listNamespacedEvent({ namespace, fieldSelector: 'reportingComponent=press' });
assert.deepStrictEqual(older.items.map((e) => [e.metadata.name, e.eventTime]), [['old', null]]);
const newer = await config.makeApiClient(k8s.EventsV1Api).listNamespacedEvent({ namespace, fieldSelector: 'regarding.name=nobody' });
assert.deepStrictEqual(newer.items.map((e) => [e.metadata.name, e.note, Date.parse(e.eventTime)]), [['old', 'm', 1e12]]);
ok('events in both groups');

await core.deleteNamespacedPod({ name: 'talker', namespace, gracePeriodSeconds: 0 });
process.exit(0);
