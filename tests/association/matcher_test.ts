import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Candidate, Matcher } from "../../src/association/matcher.ts";
import { type Associate, RefusedReason } from "../../src/wire/associate.ts";
import { fc, record } from "../support/random/property.ts";

const { Unacceptable, UnknownCookie, Mismatch, SharedAddress } = RefusedReason;

let nextCookie = 1;

class Fake implements Candidate {
  readonly cookie = new Uint8Array(16);
  readonly refusals: RefusedReason[] = [];
  associatedWith: readonly Fake[] | null = null;

  constructor(readonly localHost: string) {
    new DataView(this.cookie.buffer).setUint32(12, nextCookie++);
  }

  refused(reason: RefusedReason): void {
    this.refusals.push(reason);
  }

  /** The connection's fate so far. */
  get fate(): string {
    assert(this.refusals.length + Number(this.associatedWith !== null) <= 1, "decided more than once");
    if (this.associatedWith !== null) return "associated";
    return this.refusals.length === 0 ? "waits" : RefusedReason[this.refusals[0]!]!;
  }
}

function makeMatcher(distinctAddresses = true, schemes = [1]): Matcher<Fake> {
  return new Matcher<Fake>({
    accepts: ({ scheme, threshold, cookies }) => schemes.includes(scheme) && threshold === cookies.length,
    distinctAddresses: () => distinctAddresses,
    associated: (all) => {
      const candidates = all.filter((one) => one !== null);
      for (const one of candidates) {
        assertEquals(one.associatedWith, null);
        one.associatedWith = candidates;
      }
    },
  });
}

/** Adds connections to the matcher, each at its own address. */
function arrive(matcher: Matcher<Fake>, count: number, host = (index: number) => `192.0.2.${index}`): Fake[] {
  return Array.from({ length: count }, (_, index) => {
    const one = new Fake(host(index));
    matcher.add(one);
    return one;
  });
}

function listOf(candidates: readonly Candidate[], scheme = 1, threshold = candidates.length): Associate {
  return { scheme, threshold, cookies: candidates.map(({ cookie }) => cookie.slice()) };
}

/** Checks that no state is left: three new connections are associated, and then none are known. */
function assertEmpty(matcher: Matcher<Fake>): void {
  assertEquals(matcher.size, 0);
  const fresh = arrive(matcher, 3, (index) => `198.51.100.${index}`);
  for (const one of fresh) matcher.submit(one, listOf(fresh));
  assertEquals(fresh.map(({ fate }) => fate), ["associated", "associated", "associated"]);
  assertEquals(matcher.size, 0);
}

Deno.test("the matcher associates connections as soon as all that a list names have sent it, in any order", () => {
  for (let n = 2; n <= 16; n++) {
    for (let first = 0; first < n; first += 5) {
      const matcher = makeMatcher();
      const all = arrive(matcher, n);
      const list = listOf(all);
      for (let i = 0; i < n; i++) {
        assertEquals(new Set(all.map(({ fate }) => fate)), new Set(["waits"]));
        matcher.submit(all[(first + i * (n % 2 === 0 ? n - 1 : 2)) % n]!, list);
      }
      for (const one of all) assertEquals(one.associatedWith, all, "in the list's order");
      assertEmpty(matcher);
    }
  }
});

Deno.test("lists with the same cookies in another order differ", () => {
  const matcher = makeMatcher();
  const [a, b, c] = arrive(matcher, 3) as [Fake, Fake, Fake];
  matcher.submit(a, listOf([a, b, c]));
  matcher.submit(b, listOf([b, a, c]));
  assertEquals([a.fate, b.fate, c.fate], ["Mismatch", "Mismatch", "waits"]);
  matcher.remove(c);
  assertEmpty(matcher);
});

Deno.test("lists of the same cookies with another scheme differ, though both are accepted", () => {
  for (const late of [0, 1, 2]) {
    const matcher = makeMatcher(true, [1, 3]), all = arrive(matcher, 3);
    all.forEach((one, index) => {
      if (index !== late) matcher.submit(one, listOf(all, 3));
    });
    matcher.submit(all[late]!, listOf(all, 1));
    const fates = all.map(({ fate }) => fate);
    assertEquals(fates, ["Mismatch", "Mismatch", "Mismatch"]);
    assertEmpty(matcher);
  }
  const matcher = makeMatcher(true, [1, 3]),
    short = arrive(matcher, 3),
    full = arrive(matcher, 3, (index) => `198.51.100.${index}`);
  for (const one of short) matcher.submit(one, listOf(short, 3));
  for (const one of full) matcher.submit(one, listOf(full, 1));
  for (const all of [short, full]) for (const one of all) assertEquals(one.associatedWith, all);
  assertEmpty(matcher);
});

Deno.test("the matcher immediately refuses an unsupported scheme or threshold, and a list without its sender", () => {
  for (const broken of ["scheme", "threshold below", "threshold above", "own cookie"]) {
    const matcher = makeMatcher();
    const [a, b, c] = arrive(matcher, 3) as [Fake, Fake, Fake];
    matcher.submit(a, listOf([a, b]));
    const list = broken === "scheme"
      ? listOf([c, b], 2)
      : broken === "threshold below"
      ? listOf([c, b], 1, 1)
      : broken === "threshold above"
      ? listOf([c, b], 1, 3)
      : listOf([a, b]);
    matcher.submit(c, list);
    assertEquals([a.fate, b.fate, c.fate], ["waits", "waits", "Unacceptable"], broken);
    matcher.submit(b, listOf([a, b]));
    assertEquals([a.fate, b.fate], ["associated", "associated"], broken);
    assertEmpty(matcher);
  }
});

Deno.test("the matcher refuses a list with a cookie that is unknown, removed, or associated", () => {
  const matcher = makeMatcher();
  const [a, b, gone, c, d, e] = arrive(matcher, 6) as [Fake, Fake, Fake, Fake, Fake, Fake];
  matcher.remove(gone);
  matcher.submit(c, listOf([c, d]));
  matcher.submit(d, listOf([c, d]));
  matcher.submit(a, listOf([a, new Fake("198.51.100.1")]));
  matcher.submit(b, listOf([b, gone]));
  matcher.submit(e, listOf([d, e]));
  assertEquals([a.fate, b.fate, e.fate, c.fate], ["UnknownCookie", "UnknownCookie", "UnknownCookie", "associated"]);
  assertEmpty(matcher);
});

Deno.test("a list fails for its senders alone when a connection that it names sends a different list", () => {
  const matcher = makeMatcher();
  const [a, b, c, d] = arrive(matcher, 4) as [Fake, Fake, Fake, Fake];
  matcher.submit(a, listOf([a, b, c]));
  matcher.submit(b, listOf([a, b, c]));
  matcher.submit(c, listOf([c, d]));
  assertEquals([a.fate, b.fate, c.fate, d.fate], ["Mismatch", "Mismatch", "waits", "waits"]);
  matcher.submit(d, listOf([c, d]));
  assertEquals([c.fate, d.fate], ["associated", "associated"]);
  assertEmpty(matcher);
});

Deno.test("the matcher refuses a list that names a connection with a different list, and leaves that connection alone", () => {
  const matcher = makeMatcher();
  const [a, b, stranger] = arrive(matcher, 3) as [Fake, Fake, Fake];
  matcher.submit(a, listOf([a, b]));
  matcher.submit(stranger, listOf([stranger, a]));
  assertEquals([a.fate, b.fate, stranger.fate], ["waits", "waits", "Mismatch"]);
  matcher.submit(b, listOf([a, b]));
  assertEquals([a.fate, b.fate], ["associated", "associated"]);
  assertEmpty(matcher);
});

Deno.test("the matcher refuses a replay of an honest list on another connection, at any point of its handshake", () => {
  for (let when = 0; when <= 3; when++) {
    const matcher = makeMatcher();
    const honest = arrive(matcher, 3);
    const [stranger] = arrive(matcher, 1, () => "192.0.2.99") as [Fake];
    honest.forEach((one, index) => {
      if (index === when) matcher.submit(stranger, listOf(honest));
      matcher.submit(one, listOf(honest));
    });
    if (when === 3) matcher.submit(stranger, listOf(honest));
    assertEquals(honest.map(({ fate }) => fate), ["associated", "associated", "associated"]);
    assertEquals(stranger.fate, "Unacceptable");
    assertEmpty(matcher);
  }
});

Deno.test("the matcher refuses a list with two connections at one address, unless that is allowed", () => {
  const oneHost = () => "192.0.2.1";
  const matcher = makeMatcher();
  const [a, b] = arrive(matcher, 2, oneHost) as [Fake, Fake];
  matcher.submit(a, listOf([a, b]));
  assertEquals([a.fate, b.fate], ["SharedAddress", "waits"]);
  matcher.submit(b, listOf([a, b]));
  assertEquals(b.fate, "UnknownCookie");
  assertEmpty(matcher);

  const lenient = makeMatcher(false);
  const pair = arrive(lenient, 2, oneHost);
  for (const one of pair) lenient.submit(one, listOf(pair));
  assertEquals(pair.map(({ fate }) => fate), ["associated", "associated"]);
  assertEmpty(lenient);
});

Deno.test("removing a connection fails the lists that name it, before or after it has sent its own", () => {
  for (let sent = 0; sent <= 3; sent++) {
    for (let goes = 0; goes < 4; goes++) {
      const matcher = makeMatcher();
      const all = arrive(matcher, 4);
      for (const one of all.slice(0, sent)) matcher.submit(one, listOf(all));
      matcher.remove(all[goes]!);
      matcher.remove(all[goes]!);
      const fates = all.map((_, index) => index < sent && index !== goes ? "Mismatch" : "waits");
      assertEquals(all.map(({ fate }) => fate), fates, `${goes} goes after ${sent}`);
      all.forEach((one, index) => {
        if (index >= sent && index !== goes) matcher.submit(one, listOf(all));
      });
      assertEquals(
        all.map(({ fate }) => fate),
        all.map((_, index) => index === goes ? "waits" : index < sent ? "Mismatch" : "UnknownCookie"),
      );
      assertEmpty(matcher);
    }
  }
});

Deno.test("removing an associated connection has no effect", () => {
  const matcher = makeMatcher();
  const all = arrive(matcher, 3);
  for (const one of all) matcher.submit(one, listOf(all));
  for (const one of all) matcher.remove(one);
  assertEquals(all.map(({ fate }) => fate), ["associated", "associated", "associated"]);
  assertEmpty(matcher);
});

Deno.test("submitting a second list of a connection, or a list of a removed one, throws", () => {
  const matcher = makeMatcher();
  const [a, b] = arrive(matcher, 2) as [Fake, Fake];
  matcher.submit(a, listOf([a, b]));
  assertThrows(() => matcher.submit(a, listOf([a, b])), TypeError);
  matcher.remove(b);
  assertThrows(() => matcher.submit(b, listOf([a, b])), TypeError);
});

Deno.test("ten thousand strangers that name honest cookies break no association, and cost little", () => {
  for (const moment of ["before", "between", "after"]) {
    const matcher = makeMatcher();
    const honest = arrive(matcher, 3);
    const strangers = arrive(matcher, 10_000, (index) => `198.51.100.${index}`);
    const began = performance.now();
    const attack = () => {
      strangers.forEach((stranger, index) => {
        // Some name all honest cookies, some one of them; most name other strangers as well.
        const others = strangers.slice(index + 1, index + 1 + index % 13);
        const named = index % 2 === 0 ? honest : [honest[index % 3]!];
        matcher.submit(stranger, listOf([stranger, ...named, ...others]));
      });
    };
    if (moment === "before") attack();
    matcher.submit(honest[0]!, listOf(honest));
    matcher.submit(honest[1]!, listOf(honest));
    if (moment === "between") attack();
    matcher.submit(honest[2]!, listOf(honest));
    if (moment === "after") attack();
    assertEquals(honest.map(({ fate }) => fate), ["associated", "associated", "associated"]);
    // Some 100 ms here; quadratic work would take minutes.
    assert(performance.now() - began < 10_000);
    for (const stranger of strangers) {
      assert(stranger.fate !== "associated");
      matcher.remove(stranger);
    }
    assertEmpty(matcher);
  }
});

Deno.test("a long chain of strangers that wait for each other fails without deep recursion", () => {
  const matcher = makeMatcher();
  const chain = arrive(matcher, 50_000, (index) => `h${index}`);
  // From the far end, so that no list fails on arrival: each names a successor that has not sent its list.
  for (let i = chain.length - 2; i >= 0; i -= 2) matcher.submit(chain[i]!, listOf([chain[i]!, chain[i + 1]!]));
  for (let i = chain.length - 3; i > 0; i -= 2) matcher.submit(chain[i]!, listOf([chain[i]!, chain[i + 1]!]));
  for (const one of chain) matcher.remove(one);
  assertEmpty(matcher);
});

Deno.test("honest connections associate, and each is decided at most once, regardless of strangers and order", () => {
  const STRANGERS = 6;
  const step = fc.oneof(
    record({ does: fc.constant("honest" as const), who: fc.nat(3) }),
    record({ does: fc.constant("leave" as const), who: fc.nat(STRANGERS - 1) }),
    record({
      does: fc.constant("submit" as const),
      who: fc.nat(STRANGERS - 1),
      // Members of the honest, then of the strangers; the sender's own cookie goes in at `at`.
      names: fc.uniqueArray(fc.nat(3 + STRANGERS), { maxLength: 6 }),
      at: fc.nat(6),
    }),
  );
  const cases = record({
    distinct: fc.boolean(),
    members: fc.integer({ min: 2, max: 4 }),
    steps: fc.array(step, { maxLength: 20 }),
  });
  fc.assert(
    fc.property(cases, ({ distinct, members, steps }) => {
      const matcher = makeMatcher(distinct);
      const honest = arrive(matcher, members),
        strangers = arrive(matcher, STRANGERS, (index) => `198.51.100.${index >> 1}`);
      const submitted = new Set<Fake>(), left = new Set<Fake>();
      const submitHonest = (one: Fake) => {
        if (!submitted.has(one)) matcher.submit(one, listOf(honest));
        submitted.add(one);
      };
      for (const step of steps) {
        if (step.does === "honest") {
          submitHonest(honest[step.who % members]!);
          continue;
        }
        const one = strangers[step.who]!;
        if (one.fate !== "waits" || left.has(one)) continue;
        if (step.does === "leave") {
          matcher.remove(one);
          left.add(one);
        } else if (!submitted.has(one)) {
          const named = step.names.flatMap((index) => [...honest, ...strangers][index] ?? []);
          const others = named.filter((other) => other !== one);
          others.splice(step.at, 0, one);
          matcher.submit(one, listOf(others));
          submitted.add(one);
        }
      }
      honest.forEach(submitHonest);
      assertEquals(new Set(honest.map(({ fate }) => fate)), new Set(["associated"]));
      for (const one of strangers) {
        assert(!honest.some((other) => one.associatedWith?.includes(other)), "an association with a stranger");
        matcher.remove(one);
      }
      assertEmpty(matcher);
    }),
    { numRuns: 500 },
  );
});

Deno.test("every reason for a refusal has its code on the wire", () => {
  assertEquals([Unacceptable, UnknownCookie, Mismatch, SharedAddress], [1, 2, 3, 4]);
});
