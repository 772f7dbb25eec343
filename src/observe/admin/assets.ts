/** A file of the page. */
export interface Asset {
  /** Its bytes, as text in UTF-8. */
  readonly content: string;
  /** Its media type. */
  readonly type: string;
}

/** How an import gives a file's text; to the compiler it may be anything. */
type Text = Promise<object>;

/**
 * The page's files by their paths. They are imported, so that they are part of the executable, and only when somebody looks
 * at the page. The chart is uPlot's (MIT): 50 KB, and nothing else behind it.
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

/** The file at a path; null when there is none. */
export async function assetAt(path: string): Promise<Asset | null> {
  if (!Object.hasOwn(FILES, path)) return null;
  const { type, load } = FILES[path]!;
  const { default: content } = await load() as { default: string };
  return { content, type: `${type}; charset=utf-8` };
}
