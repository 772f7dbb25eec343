import { assertEquals } from "@std/assert";
import { read, tablesWith } from "../docs/markdown.ts";
import { HEADER, lines } from "./table.ts";

Deno.test("the guide's table of faults matches the matrix", () => {
  const [table] = tablesWith(read("docs/guide/troubleshooting.md"), ...HEADER);
  assertEquals(table!.rows, lines());
});
