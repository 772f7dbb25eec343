import { parse } from "@std/yaml";

/** Directory of the manifests. */
export const MANIFESTS = new URL("../../../deploy/kubernetes/", import.meta.url).pathname;

/** A manifest; tests access fields that they know to exist. */
// deno-lint-ignore no-explicit-any
export type Manifest = any;

/** A container of a pod, as far as the tests read it. */
export interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly restartPolicy?: string;
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly readinessProbe?: Manifest;
  readonly securityContext: {
    readonly runAsUser?: number;
    readonly runAsNonRoot?: boolean;
    readonly allowPrivilegeEscalation: boolean;
    readonly readOnlyRootFilesystem: boolean;
    readonly capabilities: { readonly drop: string[]; readonly add?: string[] };
  };
  readonly lifecycle?: { readonly preStop: { readonly exec?: { readonly command: string[] } } };
}

/** Reads the manifests in a file. */
export async function readManifests(path: string): Promise<Manifest[]> {
  return (await Deno.readTextFile(MANIFESTS + path)).split(/^---$/m).map((text) => parse(text));
}

/**
 * Builds a kustomization: its resources, including those of its bases, with its patches applied. Implements the part of
 * kustomize that ours need: a patch is a map merged into the resource of its kind and name.
 */
export async function build(directory: string): Promise<Manifest[]> {
  const [kustomization] = await readManifests(`${directory}/kustomization.yaml`);
  const found = await Promise.all(
    kustomization.resources.map((resource: string) =>
      resource.endsWith(".yaml") ? readManifests(`${directory}/${resource}`) : build(`${directory}/${resource}`)
    ),
  );
  const manifests = found.flat();
  for (const { path } of kustomization.patches ?? []) {
    for (const patch of await readManifests(`${directory}/${path}`)) {
      const patched = only(manifests, patch.kind, patch.metadata.name);
      patched.data = { ...patched.data, ...patch.data };
    }
  }
  return manifests;
}

/** The manifest of this kind and name, which must be unique. */
export function only(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.filter((one) => one.kind === kind && one.metadata.name === name);
  if (found.length !== 1) throw new Error(`Expected one ${kind} named ${name}, found ${found.length}`);
  return found[0];
}
