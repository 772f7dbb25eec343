/**
 * Pages of the site, from the project's documentation: their places on the site, and the links between them.
 *
 * @module
 */
import { dirname, join, relative } from "node:path/posix";

/** Pages outside of docs/. */
const OTHERS: Readonly<Record<string, string>> = {
  "site/index.md": "index.md",
  "CHANGELOG.md": "reference/changelog.md",
};

/** Folders of docs/ with files that pages link to, which the site serves as they are. */
const SERVED = ["bench", "images", "schema"];

/**
 * Place of a file on the site: docs/guide/paths.md is guide/paths.md, docs/SECURITY.md is reference/security.md.
 *
 * @param path Path below the project's root.
 * @returns Path below the site's root; null if the site does not have the file.
 */
export function placeOf(path: string): string | null {
  const other = OTHERS[path];
  if (other !== undefined) return other;
  const [docs, folder = "", ...rest] = path.split("/");
  if (docs !== "docs") return null;
  if (folder === "guide") return `guide/${rest.join("/").replace("README.md", "index.md")}`;
  if (SERVED.includes(folder)) return `${folder}/${rest.join("/").toLowerCase()}`;
  return rest.length > 0 ? null : folder.endsWith(".md") ? `reference/${folder.toLowerCase()}` : folder;
}

/**
 * Rewrites the relative links of a page for its place on the site. Links to files that the site does not have lead to the
 * repository, or become text if its address is unknown.
 *
 * @param path The page's path below the project's root.
 * @param repository Address of the project's files, such as https://host/owner/name/blob/main/.
 */
export function siteText(path: string, text: string, repository?: string): string {
  const from = dirname(placeOf(path)!);
  return text.replaceAll(LINK_OR_CODE, (whole, image, shown, target) => {
    if (target === undefined || /^(?:[a-z]+:|#|\/)/.test(target)) return whole;
    const [file, fragment] = target.split("#");
    const source = join(dirname(path), file), place = placeOf(source);
    const end = fragment === undefined ? "" : `#${fragment}`;
    if (place !== null) return `${image}[${shown}](${withDot(relative(from, place))}${end})`;
    return repository === undefined ? shown : `[${shown}](${repository}${source}${end})`;
  });
}

/** A link or image, or code, which contains none. */
const LINK_OR_CODE = /^```.*?^```$|(!?)\[((?:`[^`\n]*`|[^\]])*)\]\(([^)\s]+)\)|`[^`\n]*`/gms;

/** Anchor of a heading, as code hosts make it, so that links work in both places. */
export function anchorOf(heading: string): string {
  return heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
}

function withDot(path: string): string {
  return path.startsWith(".") ? path : `./${path}`;
}
