/** The image without a container engine: its Dockerfile is linted and its steps are run in temporary directories. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
// deno-lint-ignore no-import-prefix -- deno.json would have everyone who runs micss fetch it
import { validate } from "npm:dockerfile-utils@0.16.3";
import { makeEmptyRoot, NONROOT } from "../support/system/empty_root.ts";
import { buildExecutable, COMPILER } from "../support/programs/executable.ts";
import { parseDockerfile } from "../support/system/dockerfile.ts";
import { Namespace } from "../support/system/namespaces.ts";
import { makeTempDir, run } from "../support/programs/process.ts";
import { Handler } from "../support/handlers/handlers.ts";
import { freePort, testWith } from "../support/programs/programs.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

const text = await Deno.readTextFile(`${ROOT}Dockerfile`);
const stages = parseDockerfile(text);
const only = (stage: string, name: string) => stages.get(stage)!.findLast((one) => one.name === name)!;

/** Lints a Dockerfile. */
const lint = (text: string) => validate(text).map(({ message }) => message);

Deno.test("the Dockerfile passes a linter", () => {
  assertEquals(lint(text), []);
  assertEquals(lint(text.replace("EXPOSE 6522", "EXPOSE channels")).length, 1);
});

Deno.test("the image's labels match the project", async () => {
  const labels = only("final", "LABEL").args.join(" ");
  const { version, license } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  assertStringIncludes(labels, `org.opencontainers.image.version="${version}"`);
  assertStringIncludes(labels, `org.opencontainers.image.licenses="${license}"`);
});

const executable = await buildExecutable();

testWith(
  ["network namespaces", "ldd", ...(executable === undefined ? [COMPILER] : [])],
  "what the image copies is enough to build it, and what is built runs, and is looked at, as the image says",
  async () => {
    await using context = await makeTempDir();
    for (const { args } of stages.get("build")!.filter(({ name }) => name === "COPY")) {
      const to = args.at(-1)!;
      for (const source of args.slice(0, -1)) {
        await run(["cp", "--recursive", `${ROOT}${source}`, to === "./" ? context.path : `${context.path}/${to}`]);
      }
    }
    const [deno, ...build] = only("build", "RUN").args;
    assertEquals(deno, "deno");
    // ENV sets the variable from the build's argument. Type checks, which take longest, are left to the task `check`.
    const env = { MICSS_BUILD: "0123abc of 2026-01-02" };
    await run([Deno.execPath(), ...build, "--no-check"], { cwd: context.path, env });

    const [from, to] = only("final", "COPY").args;
    await using root = await makeEmptyRoot(
      `${context.path}/${from!.replace(`${only("build", "WORKDIR").args[0]}/`, "")}`,
    );
    assertEquals(to, root.executable);
    assertEquals(only("final", "USER").args, [`${NONROOT}:${NONROOT}`]);
    const entrypoint = only("final", "ENTRYPOINT").args;
    assertEquals(entrypoint, [root.executable]);
    assertMatch((await run([...entrypoint, ...only("final", "CMD").args], root)).text(), /^micss carries TCP/);
    assertMatch((await run([...entrypoint, "version"], root)).text(), /^micss .* \(0123abc of 2026-01-02\)\n/);

    // In a network namespace, since the health check's address may be in use here.
    await using network = await Namespace.make();
    const within = [...network.within, ...root.within];
    const health = only("final", "HEALTHCHECK").args;
    assertEquals((await run(health, { within, mayFail: true })).code, 1);
    const port = freePort("127.0.0.1");
    const channels = ["127.0.0.1", "127.0.0.2"].flatMap((host) => ["--channel", `${host}:${port}`]);
    const flags = [...channels, "--target", "80=127.0.0.1:8080", "--admin", "127.0.0.1:9652"];
    await using _server = await Handler.start("server", flags, { executable: root.executable, within });
    await run(health, { within });
  },
);
