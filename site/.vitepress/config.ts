import { readFileSync } from "node:fs";
import { defineConfig } from "vitepress";
import { anchorOf } from "../../scripts/site/pages.ts";

/** Pages of the guide, in the order of its index, by their titles. */
const guide = [...read("guide/index.md").matchAll(/\[([^\]]+)\]\(\.\/([\w-]+)\.md\)/g)].map(([, text, name]) => ({
  text,
  link: `/guide/${name}`,
}));

const reference = [
  ["Configuration", "configuration"],
  ["Security", "security"],
  ["Protocol", "protocol"],
  ["Architecture", "architecture"],
  ["Benchmarks", "benchmarks"],
  ["Changes", "changelog"],
].map(([text, name]) => ({ text, link: `/reference/${name}` }));

function read(page: string): string {
  return readFileSync(new URL(`../pages/${page}`, import.meta.url), "utf8");
}

export default defineConfig({
  title: "MICSS",
  description: "TCP connections and UDP datagrams over several network paths, each with one share of every byte",
  lang: "en",
  base: process.env.MICSS_SITE_BASE ?? "/",
  srcDir: "pages",
  outDir: "dist",
  head: [["link", { rel: "icon", type: "image/svg+xml", href: `${process.env.MICSS_SITE_BASE ?? "/"}icon.svg` }]],
  markdown: { anchor: { slugify: anchorOf }, toc: { slugify: anchorOf } },
  themeConfig: {
    logo: "/icon.svg",
    search: { provider: "local" },
    outline: { level: [2, 3] },
    nav: [
      { text: "Guide", link: "/guide/", activeMatch: "/guide/" },
      { text: "Reference", link: "/reference/configuration", activeMatch: "/reference/" },
    ],
    sidebar: [
      { text: "Guide", link: "/guide/", items: guide },
      { text: "Reference", items: reference },
    ],
    docFooter: { prev: "Previous", next: "Next" },
  },
});
