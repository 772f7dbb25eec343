/** deploy/kubernetes without a cluster: the containers' commands with their users and rights, in one network namespace. */
import { assertEquals, assertMatch } from "@std/assert";
import { makeEmptyRoot } from "../support/system/empty_root.ts";
import { buildExecutable, COMPILER } from "../support/programs/executable.ts";
import { Handler } from "../support/handlers/handlers.ts";
import { build, type Container, only } from "../support/system/kubernetes.ts";
import { makeTopology, type Topology } from "../support/system/namespaces.ts";
import { makeTempDir, Program, run, type RunOptions } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { pattern, sha256, sha256OfFile } from "../support/programs/tcp.ts";
import { CURL } from "./core.ts";

const executable = await buildExecutable();

/** The server's addresses in the manifests. */
const CHANNELS = ["192.0.2.10", "198.51.100.10", "203.0.113.10"];

/** The pods' own addresses. */
const APP = "10.77.1.1", SERVER = "10.77.1.2";

const manifests = [...await build("base/client"), ...await build("base/server")];
const podOf = (name: string) => only(manifests, "Deployment", name).spec.template.spec;
const [rules, sidecar]: [Container, Container] = podOf("app").initContainers;
const [app]: [Container] = podOf("app").containers;
const [handler]: [Container] = podOf("micss-server").containers;
const configOf = (name: string, file: string): string => only(manifests, "ConfigMap", name).data[file];

/** Command prefix with a container's user and capabilities. */
function asContainer({ securityContext: { runAsUser: user, capabilities } }: Container): string[] {
  const kept = (capabilities.add ?? []).map((name) => `,+${name.toLowerCase()}`).join("");
  const rights = [`--bounding-set=-all${kept}`, "--inh-caps=-all", "--no-new-privs"];
  return ["setpriv", "--reuid", `${user}`, "--regid", `${user}`, "--clear-groups", ...rights, "--"];
}

/** Maps the server's addresses to ports of its pod's single address, as its Services do. */
async function makeServices({ near, far }: Topology): Promise<void> {
  await far.ip(...CHANNELS.map((address, index) => `address add ${address}/32 dev c${index + 1}`));
  await near.ip(...CHANNELS.map((address, index) => `route add ${address} via 10.77.${index + 1}.2`));
  const services = manifests.filter(({ kind, spec }) => kind === "Service" && spec.loadBalancerIP);
  const { ports }: { ports: { name: string; containerPort: number }[] } = podOf("micss-server").containers[0];
  const mappings = services.map(({ spec: { loadBalancerIP, ports: [{ port, targetPort }] } }) => {
    const to = ports.find(({ name }) => name === targetPort)!.containerPort;
    return `ip daddr ${loadBalancerIP} tcp dport ${port} dnat to ${SERVER}:${to};`;
  });
  const chain = `chain in { type nat hook prerouting priority dstnat; ${mappings.join(" ")} };`;
  await run(["nft", `table ip services { ${chain} }`], far);
}

/** Starts the application's nginx with its own /tmp. @param directory Contains its configuration. */
async function startApp({ near }: Topology, directory: string): Promise<Program> {
  const enter = `
    mount -t tmpfs tmpfs /mnt; mkdir -m 1777 /mnt/tmp; cp "$1" /mnt/nginx.conf; mount --bind /mnt/tmp /tmp
    shift; exec "$@"`;
  await Deno.writeTextFile(`${directory}/nginx.conf`, configOf("app", "nginx.conf"));
  const args = app.args.map((arg) => arg === "/etc/app/nginx.conf" ? "/mnt/nginx.conf" : arg);
  const mounts = ["unshare", "--mount", "--", "sh", "-ec", enter, "sh", `${directory}/nginx.conf`];
  const nginx = Program.start([...mounts, ...asContainer(app), ...args], near);
  await nginx.waitForLine(/start worker process/);
  return nginx;
}

/** Probes from outside the pod, as the kubelet does. */
async function probe(host: string, path: string, from: RunOptions): Promise<void> {
  const patient = ["--retry", "10", "--retry-delay", "1", "--retry-all-errors"];
  await run([...CURL, ...patient, `http://${host}:9652${path}`], from);
}

testWith(
  ["network namespaces", "ldd", "nft", "curl", "nginx", ...(executable === undefined ? [COMPILER] : [])],
  "a pod's rules precede all containers, its application talks through the sidecar, and running transfers finish",
  async () => {
    await using topology = await makeTopology();
    const { near, far } = topology;
    await using directory = await makeTempDir();
    await makeServices(topology);
    await using web = await startNginx(["127.0.0.1:8080"], far);
    await using direct = await startNginx([`${CHANNELS[0]}:80`], far);
    const file = pattern(6_000_000);
    await Deno.writeFile(`${web.root}/file`, file);
    await Deno.writeTextFile(`${direct.root}/file`, "in the clear");

    // The server's pod. Its target is a name in the cluster.
    const settings = configOf("micss-server", "server.yaml").replace(
      "web.default.svc.cluster.local:80",
      "127.0.0.1:8080",
    );
    await using serverRoot = await makeEmptyRoot(executable!, { files: { "/etc/micss/server.yaml": settings } });
    await using server = await startContainer(handler, serverRoot, far.within);
    for (const path of ["/healthz", "/readyz"]) await probe(SERVER, path, near);

    // The application's pod: first the init container, with its single capability.
    const clientYaml = configOf("micss-client", "client.yaml");
    const path = `${directory.path}/client.yaml`;
    await Deno.writeTextFile(path, clientYaml);
    const asApp: RunOptions = { within: [...near.within, ...asContainer(app)] };
    const get = [...CURL, "--max-time", "5", `http://${CHANNELS[0]}/file`];
    assertEquals((await run(get, asApp)).text(), "in the clear");
    const args = rules.args.map((arg) => arg === "/etc/micss/client.yaml" ? path : arg);
    const applied = await run([executable!, "rules", ...args], { within: [...near.within, ...asContainer(rules)] });
    assertMatch(applied.text(), /^Rules of the client are in place \(nft\)\.\nTested: /);
    // Without a sidecar, nothing passes in the clear.
    assertEquals((await run(get, { ...asApp, mayFail: true })).code, 7);

    const user = sidecar.securityContext.runAsUser!;
    await using root = await makeEmptyRoot(executable!, { user, files: { "/etc/micss/client.yaml": clientYaml } });
    await using client = await startContainer(sidecar, root, near.within);
    const { pid } = await client.waitForLog("ready");
    assertMatch(
      await Deno.readTextFile(`/proc/${pid}/status`),
      new RegExp(`^Uid:\\t${user}\\t[^]*^CapEff:\\t0+$`, "m"),
    );
    for (const path of ["/healthz", "/readyz"]) await probe(APP, path, far);

    await using nginx = await startApp(topology, directory.path);
    // Requests reach the server's target, not the host next to it.
    const download = run(
      [...CURL, "--limit-rate", "3M", "--output", `${directory.path}/file`, `http://${APP}:8080/file`],
      far,
    );
    await client.waitForLog("session");
    // The pod ends: preStop, then the sidecar's own end, during the download.
    nginx.signal("SIGQUIT");
    client.signal("SIGTERM");
    await client.waitForLog("ending");
    await download;
    assertEquals(await sha256OfFile(`${directory.path}/file`), sha256(file));
    assertEquals(await nginx.exited, 0);
    assertEquals(await client.exited, 0, client.describe());
    // Still nothing passes in the clear.
    assertEquals((await run(get, { ...asApp, mayFail: true })).code, 7);
    assertEquals(await server.end(), 0);
  },
);

/** Starts a handler's container with its arguments, and its settings in `root`. */
function startContainer(
  { args: [command, ...args] }: Container,
  root: { within: readonly string[]; executable: string },
  network: readonly string[],
): Promise<Handler> {
  const within = [...network, ...root.within];
  return Handler.start(command as "server" | "client", args, { executable: root.executable, within });
}
