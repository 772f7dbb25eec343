import project from "../../deno.json" with { type: "json" };

/** A lock file of Deno, version 5: the parts that name packages. */
interface Lock {
  readonly npm?: Readonly<Record<string, { readonly integrity: string; readonly dependencies?: readonly string[] }>>;
  readonly jsr?: Readonly<Record<string, { readonly integrity: string; readonly dependencies?: readonly string[] }>>;
}

/** A component of a CycloneDX document. */
interface Component {
  readonly type: string;
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}

/**
 * The software bill of materials of an executable: Deno, whose runtime it embeds, and all packages of its lock file.
 *
 * @param lock The lock file's text.
 * @param deno Version of the embedded runtime.
 * @param time In seconds since 1970.
 * @returns A CycloneDX 1.5 document in JSON (https://cyclonedx.org/docs/1.5/json/).
 */
export function sbom(lock: string, deno: string, time: number): string {
  const { npm = {}, jsr = {} }: Lock = JSON.parse(lock);
  const packages = [
    ...Object.entries(jsr).map(([id, { integrity }]) => component(id, "jsr", { alg: "SHA-256", content: integrity })),
    ...Object.entries(npm).map(([id, { integrity }]) => component(id, "npm", hashOf(integrity))),
  ];
  const runtime: Component = {
    type: "platform",
    "bom-ref": "deno",
    name: "deno",
    version: deno,
    purl: `pkg:github/denoland/deno@v${deno}`,
  };
  const document = {
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      timestamp: new Date(time * 1000).toISOString(),
      component: {
        type: "application",
        "bom-ref": "micss",
        name: "micss",
        version: project.version,
        licenses: [{ license: { id: project.license } }],
        purl: `pkg:generic/micss@${project.version}`,
      },
    },
    components: [runtime, ...packages],
    dependencies: [{ ref: "micss", dependsOn: ["deno", ...packages.map((one) => one["bom-ref"])] }],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function component(id: string, registry: "jsr" | "npm", hash: { alg: string; content: string }): Component {
  const at = id.lastIndexOf("@");
  const name = id.slice(0, at), version = id.slice(at + 1);
  // A purl percent-encodes the @ of a scope; JSR has no type of its own there.
  const purl = registry === "npm"
    ? `pkg:npm/${name.replace("@", "%40")}@${version}`
    : `pkg:generic/${name.replace("@", "%40")}@${version}?download_url=https://jsr.io/${name}/${version}`;
  return { type: "library", "bom-ref": `${registry}:${id}`, name, version, purl, hashes: [hash] };
}

/** Converts a subresource integrity value, such as "sha512-...". */
function hashOf(integrity: string): { alg: string; content: string } {
  const [, bits, base64] = /^sha(\d+)-(.+)$/.exec(integrity)!;
  return { alg: bits === "1" ? "SHA-1" : `SHA-${bits}`, content: Uint8Array.fromBase64(base64!).toHex() };
}
