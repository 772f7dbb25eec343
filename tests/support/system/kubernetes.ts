import { parse } from "@std/yaml";

/** Where the manifests are. */
export const MANIFESTS = new URL("../../../deploy/kubernetes/", import.meta.url).pathname;

/** A manifest, of which tests look at what they know to be there. */
// deno-lint-ignore no-explicit-any
export type Manifest = any;

/** A container of a pod, as far as the tests look at it. */
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

/** The manifests in a file. */
export async function readManifests(path: string): Promise<Manifest[]> {
  return (await Deno.readTextFile(MANIFESTS + path)).split(/^---$/m).map((text) => parse(text));
}

/**
 * The manifests that a kustomization stands for: its resources, those of its bases among them, and its patches in place.
 * As much of kustomize as ours need: a patch is a map that is merged into the resource of its kind and name.
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

/** The manifest of this kind and name; it has to be there once. */
export function only(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.filter((one) => one.kind === kind && one.metadata.name === name);
  if (found.length !== 1) throw new Error(`${found.length} of kind ${kind} are called ${name}`);
  return found[0];
}
