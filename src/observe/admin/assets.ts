import uplotScript from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import script from "./page/app.js" with { type: "text" };
import page from "./page/index.html" with { type: "text" };
import style from "./page/style.css" with { type: "text" };

/** A file of the page. */
export interface Asset {
  /** Its bytes, as text in UTF-8. */
  readonly content: string;
  /** Its media type. */
  readonly type: string;
}

const HTML = "text/html; charset=utf-8", CSS = "text/css; charset=utf-8", JS = "text/javascript; charset=utf-8";

/** The page's files by their paths; they are part of the program, so that it needs nothing beside it. */
const ASSETS: ReadonlyMap<string, Asset> = new Map([
  ["/", { content: page, type: HTML }],
  ["/app.js", { content: script, type: JS }],
  ["/style.css", { content: style, type: CSS }],
  ["/uplot.js", { content: uplotScript, type: JS }],
  ["/uplot.css", { content: uplotStyle, type: CSS }],
]);

/** The file at a path; null when there is none. */
export function assetAt(path: string): Asset | null {
  return ASSETS.get(path) ?? null;
}
