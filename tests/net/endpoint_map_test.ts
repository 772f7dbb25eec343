import { assert, assertEquals } from "@std/assert";
import { addressAt, ENDPOINT_WORDS, endpointOf } from "../../src/net/endpoint.ts";
import { EndpointMap } from "../../src/net/endpoint_map.ts";
import { fc } from "../support/random/property.ts";

/** Endpoints that differ in one word only, each of another word. */
const ALIKE = [
  { host: "192.0.2.1", port: 53 },
  { host: "192.0.2.2", port: 53 },
  { host: "192.0.2.1", port: 54 },
  { host: "::c000:201", port: 53 },
  { host: "fe80::1%1", port: 53 },
  { host: "fe80::1%2", port: 53 },
  { host: "fe80:0:0:1::1%1", port: 53 },
].map(endpointOf);

Deno.test("a map of endpoints does what a map of texts does, at any place of an array", () => {
  const step = fc.tuple(fc.constantFrom("set", "delete", "get"), fc.nat(ALIKE.length - 1), fc.nat(3), fc.nat(9));
  fc.assert(fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const map = new EndpointMap<number>(), model = new Map<string, number>();
    for (const [what, which, place, value] of steps) {
      const words = new Uint32Array(4 * ENDPOINT_WORDS).fill(7), at = place * ENDPOINT_WORDS;
      words.set(ALIKE[which]!, at);
      const key = JSON.stringify(addressAt(ALIKE[which]!));
      if (what === "set") {
        map.set(words, at, value);
        model.set(key, value);
        // The key is copied.
        words.fill(0);
      } else if (what === "delete") {
        map.delete(words, at);
        model.delete(key);
      } else assertEquals(map.get(words, at), model.get(key));
      assertEquals(map.size, model.size);
      assertEquals([...map.values()].sort(), [...model.values()].sort());
    }
  }));
});

Deno.test("a map of 20,000 endpoints of one host, and of one port, is as fast as one of few, and is empty afterwards", () => {
  for (const part of [3, 4]) {
    const map = new EndpointMap<number>(), endpoint = ALIKE[0]!.slice();
    const began = performance.now();
    for (let value = 0; value < 20_000; value++) {
      endpoint[part] = value;
      map.set(endpoint, 0, value);
    }
    for (let value = 0; value < 20_000; value++) {
      endpoint[part] = value;
      assertEquals(map.get(endpoint, 0), value);
      map.delete(endpoint, 0);
    }
    // In one bucket, 400 million comparisons would take many seconds.
    assert(performance.now() - began < 5000);
    assertEquals([map.size, [...map.values()]], [0, []]);
  }
});
