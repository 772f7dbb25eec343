/** The Kubernetes manifests, validated by Kubernetes's schemas and by the program. */
import { assert, assertEquals } from "@std/assert";
import { parseClientCommand } from "../../src/run/client_program.ts";
import { parseClientRules } from "../../src/cli/rules_args.ts";
import { parseServerCommand } from "../../src/run/server_program.ts";
import { build, type Container, type Manifest, MANIFESTS, only, readManifests } from "../support/system/kubernetes.ts";
import { run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";

const client = await build("base/client");
const server = await build("base/server");
const replicas = await build("overlays/three-replicas");
const all = [...client, ...server, ...replicas];

const podOf = ({ spec }: Manifest) => spec.template.spec;
const app = podOf(only(client, "Deployment", "app"));
const handler = podOf(only(server, "Deployment", "micss-server"));
const [rules, sidecar]: [Container, Container] = app.initContainers;
const clientYaml: string = only(client, "ConfigMap", "micss-client").data["client.yaml"];

/** A pod that is as it must be, and one with a field that is misspelt. */
const right: Manifest = { apiVersion: "v1", kind: "Pod", metadata: { name: "a" }, spec: podOfApp() };
const misspelt: Manifest = { ...right, spec: podOfApp() };
misspelt.spec.initContainers[1].restartPolcy = "Always";

function podOfApp(): Manifest {
  return structuredClone(app);
}

/**
 * Validates manifests against Kubernetes's schemas, and checks that they reject {@linkcode misspelt}; undefined if these
 * can't be fetched. The package kubernetes-models has them as validators and as types, which reject unknown fields.
 */
async function validate(manifests: readonly Manifest[]): Promise<string | undefined> {
  const code = [...manifests, right].map((manifest, index) => {
    const module = `npm:kubernetes-models@5.1.0/${manifest.apiVersion}/${manifest.kind}`;
    return `
      import { ${manifest.kind} as Model${index}, type I${manifest.kind} as Type${index} } from "${module}";
      const manifest${index}: Type${index} = ${JSON.stringify(manifest)};
      new Model${index}(manifest${index}).validate();`;
  });
  // In the same run, since loading these types takes seconds. An error that is expected and not found is one.
  code.push(`
      // @ts-expect-error: a field that is misspelt
      const misspelt: Type${manifests.length} = ${JSON.stringify(misspelt)};`);
  // Without the project's configuration, and with a lock file of its own.
  const lock = ["--frozen", `--lock=${new URL("kubernetes.lock", import.meta.url).pathname}`];
  const flags = ["--quiet", "--no-config", ...lock, "--check", "--allow-env", "--ext=ts", "-"];
  const { code: status, stderr } = await run([Deno.execPath(), "run", ...flags], {
    input: code.join("\n"),
    env: { NO_COLOR: "1" },
    mayFail: true,
  });
  if (status === 0) return "";
  return /error sending request|Import 'http/.test(stderr) ? undefined : stderr;
}

const verdict = await validate(all);
const schemas = verdict === undefined ? ["npm:kubernetes-models"] : [];

testWith(schemas, "Kubernetes's schemas find nothing wrong in the manifests, and a field that is misspelt", () => {
  assertEquals(verdict, "");
  return Promise.resolve();
});

Deno.test("every file is part of a kustomization", async () => {
  for (const directory of ["base/client", "base/server", "base/server-settings", "overlays/three-replicas"]) {
    const [kustomization] = await readManifests(`${directory}/kustomization.yaml`);
    const patches = (kustomization.patches ?? []).map(({ path }: { path: string }) => path);
    const known = ["kustomization.yaml", ...kustomization.resources, ...patches].filter((name) =>
      !name.includes("../")
    );
    const there = (await Array.fromAsync(Deno.readDir(MANIFESTS + directory))).map(({ name }) => name);
    assertEquals(there.sort(), known.sort(), directory);
  }
});

Deno.test("the program accepts the settings with the containers' arguments", () => {
  const read = (path: string) => {
    assertEquals(path, "/etc/micss/client.yaml");
    return clientYaml;
  };
  assertEquals(sidecar.args[0], "client");
  parseClientCommand([...sidecar.args.slice(1)], read);
  // The image's entry point adds `rules`.
  assertEquals(rules.args[0], "apply");
  const { rules: told } = parseClientRules("micss rules apply", [...rules.args.slice(1)], read);
  assertEquals(told!.exemptUids, [`${sidecar.securityContext.runAsUser}`]);

  const [command, ...flags] = handler.containers[0].args;
  assertEquals(command, "server");
  const settings = only(server, "ConfigMap", "micss-server").data["server.yaml"];
  const { channels } = parseServerCommand(flags, () => settings);
  const ports = handler.containers[0].ports.filter(({ name }: { name: string }) => name.startsWith("channel-"));
  assertEquals(channels.map(({ port }) => port), ports.map((one: { containerPort: number }) => one.containerPort));
});

Deno.test("rules start first and alone have a capability, NET_ADMIN; then the sidecar, then the application", () => {
  assertEquals(app.initContainers.map(({ name }: Container) => name), ["micss-rules", "micss"]);
  assertEquals([rules.restartPolicy, sidecar.restartPolicy], [undefined, "Always"]);
  const containers: Container[] = [...app.initContainers, ...app.containers, ...handler.containers];
  for (const { name, securityContext: { capabilities, ...context } } of containers) {
    assertEquals(capabilities.drop, ["ALL"], name);
    assertEquals(capabilities.add, name === "micss-rules" ? ["NET_ADMIN"] : undefined, name);
    assertEquals([context.allowPrivilegeEscalation, context.readOnlyRootFilesystem], [false, true], name);
    assertEquals(context.runAsNonRoot, name === "micss-rules" ? false : undefined, name);
  }
  for (const { securityContext } of [app, handler]) {
    assertEquals([securityContext.runAsNonRoot, securityContext.seccompProfile.type], [true, "RuntimeDefault"]);
  }
});

Deno.test("channels and the application's port are open to all, the admin address to Prometheus only", () => {
  const pods: [Manifest[], string, string, number[]][] = [
    [client, "Deployment", "app", [8080]],
    [server, "Deployment", "micss-server", [6522, 6523, 6524]],
    [replicas, "Deployment", "app", [8080]],
    [replicas, "StatefulSet", "micss-server", [6522, 6523, 6524]],
  ];
  for (const [manifests, kind, name, open] of pods) {
    const { metadata: { labels }, spec } = only(manifests, kind, name).spec.template;
    const policy = only(manifests, "NetworkPolicy", name).spec;
    assertEquals([policy.podSelector.matchLabels, policy.policyTypes], [labels, ["Ingress"]]);
    const containers: Container[] = [...spec.initContainers ?? [], ...spec.containers];
    const named = new Map(containers.flatMap(({ ports = [] }) => ports.map((one) => [one.name, one.containerPort])));
    const portsOf = (rule: Manifest): number[] =>
      rule.ports.map(({ port }: { port: string | number }) => typeof port === "number" ? port : named.get(port));
    const [all, some, ...others] = policy.ingress;
    assertEquals([all.from, portsOf(all)], [undefined, open]);
    assertEquals([portsOf(some), others], [[9652], []]);
    assertEquals(some.from, [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } }]);
    // Every port of a pod is mentioned; otherwise it would be closed.
    assertEquals([...named.values()].toSorted(), [...open, 9652].toSorted());
  }
});

Deno.test("readiness probes wait longer than a handler that can serve takes to answer", () => {
  const statefulSet = podOf(only(replicas, "StatefulSet", "micss-server"));
  for (const { readinessProbe } of [sidecar, handler.containers[0], statefulSet.containers[0]]) {
    assertEquals(readinessProbe.httpGet.path, "/readyz");
    assert(readinessProbe.timeoutSeconds >= 2);
  }
});

Deno.test("no other container runs as the user that rules exempt", () => {
  const users = [...app.initContainers, ...app.containers].map(({ securityContext }: Container) =>
    securityContext.runAsUser
  );
  assertEquals(users.filter((user) => user === sidecar.securityContext.runAsUser).length, 1);
  assert(!users.includes(undefined));
});

Deno.test("a pod's grace period covers the drain time of its sessions", () => {
  const { timeouts } = parseClientCommand([...sidecar.args.slice(1)], () => clientYaml);
  for (const { terminationGracePeriodSeconds } of [app, handler]) {
    assert(terminationGracePeriodSeconds * 1000 >= timeouts.drain + 20_000);
  }
});

/** Pods by name, and the ports to which a server's addresses lead. */
function waysTo(addresses: readonly string[], manifests: readonly Manifest[]) {
  return addresses.map((address) => {
    const [{ spec }] = manifests.filter((one) => one.kind === "Service" && one.spec.loadBalancerIP === address);
    return { pods: Object.values(spec.selector).join(), port: spec.ports[0].targetPort };
  });
}

for (const [name, manifests, count] of [["one server", [...client, ...server], 1], ["three", replicas, 3]] as const) {
  Deno.test(`the channels of each server lead to one replica, each to its own port: ${name}`, () => {
    const settings = only(manifests, "ConfigMap", "micss-client").data["client.yaml"];
    const { servers } = parseClientCommand(["--config", "client.yaml"], () => settings);
    assertEquals(servers.length, count);
    const reached = servers.map(({ channels }) => {
      const ways = waysTo(channels.map(({ host }) => host), manifests);
      assertEquals(ways.map(({ port }) => port), ["channel-1", "channel-2", "channel-3"]);
      assertEquals(new Set(ways.map(({ pods }) => pods)).size, 1);
      return ways[0]!.pods;
    });
    assertEquals(new Set(reached).size, count);
    const handlers = manifests.filter(({ kind }) => kind === "StatefulSet" || kind === "Deployment");
    assertEquals(handlers.find(({ metadata }) => metadata.name === "micss-server").spec.replicas, count);
  });
}
