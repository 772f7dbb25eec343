/**
 * Checks the links of a built site.
 *
 * @module
 */
import { walk } from "../walk.ts";

/**
 * Returns the links that lead nowhere, each as `PAGE: LINK`: no such file, or no element with that id. Links to other hosts
 * are not followed.
 *
 * @param root Directory of the site.
 * @param base Path of the site on its host, such as `/` or `/micss/`.
 */
export async function deadLinks(root: string, base: string): Promise<string[]> {
  const files = new Set(await walk(root));
  const pages = new Map<string, string>();
  for (const path of files) if (path.endsWith(".html")) pages.set(path, await Deno.readTextFile(`${root}/${path}`));
  const ids = new Map([...pages].map(([path, text]) => [path, new Set(valuesOf(text, "id"))]));
  return [...pages].flatMap(([path, text]) =>
    [...valuesOf(text, "href"), ...valuesOf(text, "src")].filter((link) => {
      const url = new URL(link, `http://site${base}${path}`);
      if (url.host !== "site") return false;
      if (!url.pathname.startsWith(base)) return true;
      const at = decodeURIComponent(url.pathname.slice(base.length));
      const file = at === "" || at.endsWith("/") ? `${at}index.html` : at;
      if (!files.has(file)) return true;
      return url.hash !== "" && !ids.get(file)?.has(decodeURIComponent(url.hash.slice(1)));
    }).map((link) => `${path}: ${link}`)
  );
}

/** Values of an attribute in HTML that a program wrote, with double quotes. */
function valuesOf(html: string, attribute: string): string[] {
  const found = html.matchAll(new RegExp(`<[a-z][^>]*? ${attribute}="([^"]*)"`, "g"));
  return [...found].map(([, value]) => value!.replaceAll("&amp;", "&"));
}
