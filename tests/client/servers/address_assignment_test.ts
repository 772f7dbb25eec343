import { assert, assertEquals } from "@std/assert";
import { assignAddresses } from "../../../src/client/servers/address_assignment.ts";
import { forSeeds } from "../../support/random/random.ts";

Deno.test("each channel gets its first address unless another channel needs it", () => {
  assertEquals(assignAddresses([["a", "b"], ["c"], ["d", "a"]]), ["a", "c", "d"]);
});

Deno.test("a channel with alternatives yields to one without", () => {
  assertEquals(assignAddresses([["a", "b"], ["a"]]), ["b", "a"]);
  assertEquals(assignAddresses([["a", "b"], ["b", "c"], ["a"], ["c", "d"]]), ["b", "c", "a", "d"]);
});

Deno.test("there is no assignment with fewer addresses than channels", () => {
  for (const candidates of [[["a"], ["a"]], [["a", "b"], ["b", "a"], ["a", "b"]], [[], ["a"]], [["a"], ["b"], []]]) {
    assertEquals(assignAddresses(candidates), null);
  }
});

Deno.test("the previous assignment is kept when addresses are shuffled", () => {
  assertEquals(assignAddresses([["b", "a"], ["d", "c"]], ["a", "c"]), ["a", "c"]);
  assertEquals(assignAddresses([["b", "e"], ["d", "c"]], ["a", "c"]), ["b", "c"]);
});

Deno.test("an assignment is found exactly if one exists, and is valid", async () => {
  await forSeeds(300, (random) => {
    const channels = random.between(1, 6);
    const candidates = Array.from({ length: channels }, () => {
      return Array.from({ length: random.below(4) }, () => random.pick(["a", "b", "c", "d", "e", "f"]));
    });
    const all = candidates.reduce<string[][]>((lists, hosts) => {
      return lists.flatMap((list) => hosts.filter((host) => !list.includes(host)).map((host) => [...list, host]));
    }, [[]]);
    const chosen = assignAddresses(candidates);
    if (chosen === null) assertEquals(all, []);
    else assert(all.some((list) => list.join() === chosen.join()), `${chosen} of ${JSON.stringify(candidates)}`);
  });
});
