/**
 * Builds the documentation site in site/dist: `deno task site`, or with `serve` a server that follows changes of its theme.
 *
 * MICSS_SITE_BASE is the path of the site on its host (default: /); MICSS_REPOSITORY is the address of the project's files,
 * such as https://host/owner/name/blob/main/.
 *
 * @module
 */
import { dirname } from "node:path/posix";
import { deadLinks } from "./links.ts";
import { placeOf, siteText } from "./pages.ts";
import { walk } from "../walk.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const SITE = `${ROOT}site`;
const BASE = Deno.env.get("MICSS_SITE_BASE") ?? "/";

/** Copies the documentation to site/pages, with links for its places there. */
async function writePages(): Promise<void> {
  const target = `${SITE}/pages`;
  await Deno.remove(target, { recursive: true }).catch(() => {});
  const sources = ["site/index.md", "CHANGELOG.md", ...(await walk(`${ROOT}docs`)).map((path) => `docs/${path}`)];
  for (const path of sources) {
    const place = placeOf(path);
    if (place === null) continue;
    const page = path.endsWith(".md");
    // Files that pages link to are served as they are.
    const to = `${target}/${page || /\.(?:png|svg)$/.test(path) ? "" : "public/"}${place}`;
    await Deno.mkdir(dirname(to), { recursive: true });
    if (page) {
      const text = await Deno.readTextFile(ROOT + path);
      await Deno.writeTextFile(to, siteText(path, text, Deno.env.get("MICSS_REPOSITORY")));
    } else await Deno.copyFile(ROOT + path, to);
  }
  await Deno.mkdir(`${target}/public`, { recursive: true });
  await Deno.copyFile(`${SITE}/icon.svg`, `${target}/public/icon.svg`);
}

async function run(command: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(command, { args, cwd: SITE, stdout: "inherit", stderr: "inherit" }).spawn()
    .status;
  if (!success) Deno.exit(1);
}

/** Installs the packages of the lock file, unless they are. */
async function install(): Promise<void> {
  const lock = await Deno.readTextFile(`${SITE}/package-lock.json`);
  const mark = `${SITE}/node_modules/.micss-lock`;
  if (await Deno.readTextFile(mark).catch(() => "") === lock) return;
  await run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund");
  await Deno.writeTextFile(mark, lock);
}

await install();
await writePages();
if (Deno.args[0] === "serve") await run("node_modules/.bin/vitepress", "dev");
else {
  await run("node_modules/.bin/vitepress", "build");
  const dead = await deadLinks(`${SITE}/dist`, BASE);
  for (const link of dead) console.error(`dead link: ${link}`);
  if (dead.length > 0) Deno.exit(1);
  console.log(`site/dist: ${(await walk(`${SITE}/dist`)).filter((path) => path.endsWith(".html")).length} pages`);
}
