import { assertEquals } from "@std/assert";
import { read, tablesWith } from "../docs/markdown.ts";
import { HEADER, lines } from "./table.ts";

Deno.test("the operations' table of faults matches the matrix", () => {
  const [table] = tablesWith(read("docs/OPERATIONS.md"), ...HEADER);
  assertEquals(table!.rows, lines());
});
