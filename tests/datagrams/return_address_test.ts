import { assert, assertEquals } from "@std/assert";
import { addressAt, type Endpoint, endpointOf, sameEndpoint } from "../../src/net/endpoint.ts";
import { type ReturnAddress, ReturnAddresses } from "../../src/datagrams/return_address.ts";
import { fc, record } from "../support/random/property.ts";
import { Random } from "../support/random/random.ts";

const HOME = endpointOf({ host: "192.0.2.1", port: 1000 }), REBOUND = endpointOf({ host: "192.0.2.1", port: 2000 });
const AWAY = endpointOf({ host: "198.51.100.1", port: 1000 }), OTHER = endpointOf({ host: "203.0.113.1", port: 1000 });

function make(channels = 2): ReturnAddresses {
  return new ReturnAddresses(channels, new Random(1).fill);
}

/** Has a channel's address confirmed. */
function confirm(all: ReturnAddresses, channel: number, at: Endpoint, now = 0): void {
  all.verified(channel, at, 0, 1000, now);
  const { token } = all.of(channel).challenge(now)!;
  assert(all.answered(channel, at, 0, token));
}

/** The host and port that a packet of 100 bytes goes to. */
function target(address: ReturnAddress, now = 0, bytes = 100): string | null {
  const to = address.target(bytes, now);
  return to && `${addressAt(to).host}:${addressAt(to).port}`;
}

Deno.test("nothing is sent before anything was verified", () => {
  const own = make().of(0);
  assertEquals([own.target(1, 0), own.challenge(0), own.candidate, own.confirmed], [null, null, null, null]);
  assert(!own.answered(HOME, 0, new Uint8Array(8)), "no answer is owed");
});

Deno.test("an address that has not answered gets three times what came from it, the challenge included", () => {
  const all = make(), own = all.of(0);
  all.verified(0, HOME, 0, 100, 0);
  assert(own.challenge(0) !== null);
  assertEquals(target(own, 0, 278), null);
  assertEquals([target(own, 0, 277), target(own, 0, 1)], ["192.0.2.1:1000", null]);
  all.verified(0, HOME, 0, 100, 1);
  assertEquals([target(own, 1, 300), target(own, 1, 1)], ["192.0.2.1:1000", null]);
});

Deno.test("the right answer from there confirms an address, and nothing else does", () => {
  const all = make(), own = all.of(0);
  all.verified(0, HOME, 0, 100, 0);
  const { to, token } = own.challenge(0)!;
  assert(sameEndpoint(to, 0, HOME, 0));
  for (let bit = 0; bit < 64; bit++) {
    const wrong = token.slice();
    wrong[bit >> 3]! ^= 1 << (bit & 7);
    assert(!own.answered(HOME, 0, wrong));
  }
  assert(!own.answered(HOME, 0, token.subarray(0, 7)) && !own.answered(REBOUND, 0, token));
  assertEquals([own.answered(HOME, 0, token), own.answered(HOME, 0, token)], [true, false]);
  assertEquals(target(own, 0, 1_000_000), "192.0.2.1:1000");
  assertEquals(own.challenge(1000), null);
});

Deno.test("a confirmed address is kept until the next one answers, and gets what that one may not", () => {
  const all = make(), own = all.of(0);
  confirm(all, 0, HOME);
  all.verified(0, AWAY, 0, 100, 10);
  assertEquals([target(own, 10, 300), target(own, 10, 300)], ["198.51.100.1:1000", "192.0.2.1:1000"]);
  assertEquals(own.challenge(10), null, "the budget is used up");
  all.verified(0, AWAY, 0, 100, 20);
  assert(own.answered(AWAY, 0, own.challenge(20)!.token));
  assertEquals(target(own, 20, 10_000), "198.51.100.1:1000");
});

Deno.test("a share from the confirmed address takes a move back", () => {
  const all = make(), own = all.of(0);
  confirm(all, 0, HOME);
  all.verified(0, AWAY, 0, 100, 10);
  const { token } = own.challenge(10)!;
  all.verified(0, HOME, 0, 100, 11);
  assertEquals([own.candidate, target(own, 11), own.answered(AWAY, 0, token)], [null, "192.0.2.1:1000", false]);
});

Deno.test("a challenge is sent again after 500 ms, and its address given up after 3 s", () => {
  const all = make(), own = all.of(0);
  confirm(all, 0, HOME);
  all.verified(0, AWAY, 0, 1000, 0);
  const due = [0, 499, 500, 999, 1000, 3000, 3001].filter((now) => own.challenge(now) !== null);
  assertEquals(due, [0, 500, 1000, 3000]);
  assertEquals([own.candidate, target(own, 3001)], [null, "192.0.2.1:1000"]);
  all.verified(0, AWAY, 0, 1000, 3002);
  assert(own.challenge(3002) !== null, "it may try again");
});

Deno.test("a channel does not move to another one's address, nor to its host", () => {
  const all = make(3);
  confirm(all, 0, HOME);
  confirm(all, 1, AWAY);
  all.verified(2, OTHER, 0, 100, 0);
  for (const [channel, to] of [[0, AWAY], [1, HOME], [1, REBOUND], [0, OTHER], [2, HOME]] as const) {
    all.verified(channel, to, 0, 1_000, 1);
    assert(!sameEndpoint(all.of(channel).candidate ?? OTHER, 0, to, 0) || to === OTHER);
  }
  assertEquals(all.refused, 5);
  assertEquals([target(all.of(0), 1), target(all.of(1), 1)], ["192.0.2.1:1000", "198.51.100.1:1000"]);
});

Deno.test("two channels may begin at one host, at different ports, and their ports may change", () => {
  const all = make();
  confirm(all, 0, HOME);
  all.verified(1, HOME, 0, 100, 0);
  assertEquals([all.of(1).candidate, all.refused], [null, 1]);
  confirm(all, 1, REBOUND);
  confirm(all, 0, endpointOf({ host: "192.0.2.1", port: 3000 }));
  assertEquals([target(all.of(0)), target(all.of(1))], ["192.0.2.1:3000", "192.0.2.1:2000"]);
});

Deno.test("an address that a channel has not proved to be its own keeps no other one from it", () => {
  const all = make(3);
  // An attacker on channel 0 sends from the address that channel 1 is about to send from.
  all.verified(0, HOME, 0, 1000, 0);
  all.verified(1, HOME, 0, 1000, 1);
  assertEquals([all.refused, target(all.of(1), 1)], [0, "192.0.2.1:1000"]);
  const [first, second] = [all.of(0).challenge(1)!.token, all.of(1).challenge(1)!.token];
  assert(!all.answered(0, HOME, 0, second));
  assert(all.answered(1, HOME, 0, second));
  assertEquals([all.of(0).candidate, target(all.of(0), 1), all.answered(0, HOME, 0, first)], [null, null, false]);
  all.verified(0, HOME, 0, 1000, 2);
  assertEquals([all.of(0).candidate, all.refused], [null, 1]);
});

Deno.test("an address without an answer never gets more than three times what came from it, whatever happens", () => {
  const hosts = [HOME, REBOUND, AWAY, OTHER];
  const event = record({
    kind: fc.constantFrom("verified", "send", "challenge", "answer", "wait"),
    channel: fc.nat(1),
    host: fc.nat(3),
    bytes: fc.integer({ min: 32, max: 1500 }),
  });
  fc.assert(fc.property(fc.array(event, { maxLength: 200 }), (events) => {
    const all = make(), from = new Map<string, number>(), to = new Map<string, number>(), answered = new Set<string>();
    let now = 0;
    const key = (channel: number, endpoint: Uint32Array) => `${channel} ${endpoint.join()}`;
    const add = (map: Map<string, number>, name: string, bytes: number) => map.set(name, (map.get(name) ?? 0) + bytes);
    for (const { kind, channel, host, bytes } of events) {
      const own = all.of(channel), endpoint = hosts[host]!;
      if (kind === "wait") now += bytes;
      if (kind === "verified") {
        all.verified(channel, endpoint, 0, bytes, now);
        add(from, key(channel, endpoint), bytes);
      }
      const challenge = kind === "challenge" || kind === "answer" ? own.challenge(now) : null;
      if (challenge !== null) add(to, key(channel, challenge.to), 23);
      if (kind === "answer" && challenge !== null) {
        assert(all.answered(channel, challenge.to, 0, challenge.token));
        answered.add(key(channel, challenge.to));
      }
      const sent = kind === "send" ? own.target(bytes, now) : null;
      if (sent !== null) add(to, key(channel, sent), bytes);
      for (const [one, other] of [[0, 1], [1, 0]] as const) {
        const { confirmed } = all.of(one), { confirmed: taken, candidate } = all.of(other);
        if (confirmed === null) continue;
        for (const at of [taken, candidate]) {
          assert(at === null || !sameEndpoint(confirmed, 0, at, 0), "two channels at one address");
        }
      }
      for (const [name, bytes] of to) assert(answered.has(name) || bytes <= 3 * (from.get(name) ?? 0), name);
    }
  }));
});
