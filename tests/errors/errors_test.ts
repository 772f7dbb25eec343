import { assertEquals } from "@std/assert";
import { MicssError, reasonOf } from "../../src/errors/errors.ts";

class Example extends MicssError {}

Deno.test("an error is named after its class and carries its hint and cause", () => {
  const cause = new Error("below");
  const error = new Example("it failed", { cause, hint: "try again" });
  assertEquals([error.name, error.message, error.hint, error.cause], ["Example", "it failed", "try again", cause]);
  assertEquals(String(error), "Example: it failed");
  assertEquals(new Example("it failed").hint, undefined);
});

for (
  const [error, reason] of [
    [new Error("Connection refused (os error 111)"), "Connection refused"],
    [new TypeError(""), "TypeError"],
    ["a text", "a text"],
    [undefined, "closed by the other side"],
    [null, "closed by the other side"],
  ] as const
) {
  Deno.test(`the reason of ${error instanceof Error ? error.toString() : error} is ${reason}`, () => {
    assertEquals(reasonOf(error), reason);
  });
}
