/** A file of the page. */
export interface Asset {
  /** Its text. */
  readonly content: string;
  /** Its media type. */
  readonly type: string;
}

/** The module of an imported text file, which the compiler doesn't know the type of. */
type Text = Promise<object>;

/**
 * The page's files by path. Imported, so that they are part of the executable, but only on the first request. Charts are
 * drawn by uPlot (MIT): 50 KB and no dependencies.
 */
const FILES: Readonly<Record<string, { readonly type: string; load(): Text }>> = {
  "/": { type: "text/html", load: () => import("./page/index.html", { with: { type: "text" } }) },
  "/app.js": { type: "text/javascript", load: () => import("./page/app.js", { with: { type: "text" } }) },
  "/style.css": { type: "text/css", load: () => import("./page/style.css", { with: { type: "text" } }) },
  "/icon.svg": { type: "image/svg+xml", load: () => import("./page/icon.svg", { with: { type: "text" } }) },
  "/uplot.js": {
    type: "text/javascript",
    load: () => import("uplot/dist/uPlot.iife.min.js", { with: { type: "text" } }),
  },
  "/uplot.css": { type: "text/css", load: () => import("uplot/dist/uPlot.min.css", { with: { type: "text" } }) },
};

/** Loads the file at a path; null if there is no such file. */
export async function assetAt(path: string): Promise<Asset | null> {
  if (!Object.hasOwn(FILES, path)) return null;
  const { type, load } = FILES[path]!;
  const { default: content } = await load() as { default: string };
  return { content, type: `${type}; charset=utf-8` };
}
