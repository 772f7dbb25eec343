import { assertEquals } from "@std/assert";
import { attributesIn, numberIn } from "../../../src/net/linux/netlink.ts";
import { routeOf, routingRules, tableEnds } from "../../../src/net/linux/route.ts";

Deno.test("attributes are read up to the first that does not fit", () => {
  const body = Uint8Array.of(9, 9, 8, 0, 4, 0, 1, 2, 3, 4, 5, 0, 7, 0, 6, 0, 0, 0, 40, 0, 8, 0, 1, 1);
  assertEquals([...attributesIn(body, 2)], [[4, Uint8Array.of(1, 2, 3, 4)], [7, Uint8Array.of(6)]]);
  assertEquals([...attributesIn(body, body.length)], []);
  assertEquals([...attributesIn(Uint8Array.of(0, 0, 0, 0), 0)], []);
  assertEquals(numberIn(Uint8Array.of(1, 2, 0, 0)), 513);
  assertEquals([numberIn(Uint8Array.of(1)), numberIn(undefined)], [undefined, undefined]);
});

Deno.test({
  name: "the kernel's own rules and tables are told without any right",
  ignore: Deno.build.os !== "linux",
  fn() {
    const tables = routingRules("ipv4")!.map(({ table }) => table);
    assertEquals([tables[0], tables.includes(254)], [255, true]);
    assertEquals([tableEnds(255, "ipv4"), tableEnds(6_522_999, "ipv4")], [false, false]);
    const route = routeOf({ to: "127.0.0.1" });
    assertEquals(typeof route === "object" && route.device, "lo");
  },
});
