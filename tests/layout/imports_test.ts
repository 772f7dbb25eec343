import { assertEquals } from "@std/assert";
import { walk } from "../support/walk.ts";

const SOURCE = new URL("../../src/", import.meta.url);

/** The rooms of src, the lowest first. A file may import from its own room and from lower ones (docs/ARCHITECTURE.md). */
const ROOMS = [
  "errors",
  "collections",
  "time",
  "text",
  "log",
  "net",
  "net/linux",
  "net/names",
  "net/listen",
  "net/system",
  "wire",
  "sharing",
  "records",
  "short",
  "datagrams",
  "association",
  "streams",
  "session",
  "config",
  "identify",
  "authenticate",
  "state",
  "rules",
  "routes",
  "observe",
  "observe/admin",
  "workers",
  "client/ingress",
  "client/servers",
  "client/dial",
  "client/flows",
  "client",
  "server",
  "run",
  "demo",
  "bench",
  "paths",
  "plan",
  "cli",
];

/** The files that call native libraries. */
const NATIVE = [
  "net/linux/libc.ts",
  "records/openssl_poly1305.ts",
  "sharing/openssl_cipher.ts",
];

interface Import {
  readonly from: string;
  readonly to: string;
}

async function* imports(): AsyncGenerator<Import> {
  for await (const { path, text } of walk(SOURCE, ".ts")) {
    for (const [, specifier] of text.matchAll(/(?:from|import|import\() ?"(\.[^"]+)"/g)) {
      const to = new URL(specifier!, new URL(path, SOURCE)).pathname;
      if (to.startsWith(SOURCE.pathname)) yield { from: path, to: to.slice(SOURCE.pathname.length) };
    }
  }
}

/** The innermost room of a file. */
function roomOf(path: string): string {
  const rooms = ROOMS.filter((room) => path.startsWith(`${room}/`));
  return rooms.toSorted((one, other) => other.length - one.length)[0] ?? `none: ${path}`;
}

Deno.test("every file of src is in a room", async () => {
  const strays: string[] = [];
  for await (const { path } of walk(SOURCE, ".ts")) if (!ROOMS.includes(roomOf(path))) strays.push(path);
  assertEquals(strays, []);
});

Deno.test("imports point down: from a room to itself or to a lower one", async () => {
  const upward: string[] = [];
  for await (const { from, to } of imports()) {
    if (ROOMS.indexOf(roomOf(to)) > ROOMS.indexOf(roomOf(from))) upward.push(`${from} -> ${to}`);
  }
  assertEquals(upward, []);
});

Deno.test("no files import each other in a circle", async () => {
  const graph = new Map<string, string[]>();
  for await (const { from, to } of imports()) graph.set(from, [...graph.get(from) ?? [], to]);
  assertEquals(circle(graph), null);
});

Deno.test("a cycle is found", () => {
  assertEquals(circle(new Map([["a", ["b"]], ["b", ["c", "d"]], ["d", ["a"]]])), ["a", "b", "d", "a"]);
  assertEquals(circle(new Map([["a", ["b", "c"]], ["b", ["c"]]])), null);
});

Deno.test("only the designated files call native libraries", async () => {
  const native: string[] = [];
  for await (const { path, text } of walk(SOURCE, ".ts")) if (text.includes("Deno.dlopen(")) native.push(path);
  assertEquals(native.toSorted(), NATIVE);
});

/** A cycle of a graph, as a path that ends at its start; null if there is none. */
function circle(graph: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): string[] | null => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return null;
    for (const next of graph.get(node) ?? []) {
      const found = visit(next, [...path, node]);
      if (found !== null) return found;
    }
    done.add(node);
    return null;
  };
  for (const node of graph.keys()) {
    const found = visit(node, []);
    if (found !== null) return found;
  }
  return null;
}
