import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { DemoError, type DemoOptions, PLAIN, runDemo, Screen, type ScreenOptions } from "../../src/demo/mod.ts";
import { PAGE } from "../../src/demo/text.ts";
import { type Clock, systemClock } from "../../src/time/clock.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { StartError } from "../../src/net/listen/listen.ts";
import "../support/system/native.ts";
import { settle } from "../support/time/fake_clock.ts";
import { MemoryNetwork, type MemoryNetworkOptions } from "../support/network/memory_network.ts";

const LIMITS = { bytes: 2_000_000, ms: 10_000 };

/** A demo on a network in memory. */
class Rehearsal {
  readonly network: MemoryNetwork;
  readonly #give = new AbortController();
  readonly #clock: Clock;
  readonly #forget: (() => void)[] = [];
  /** Output so far. */
  text = "";
  /** Called after each output. */
  shown: () => void = () => {};

  constructor(options: MemoryNetworkOptions = {}, clock: Clock = systemClock) {
    this.network = new MemoryNetwork(options);
    const noted = (cancel: () => void) => {
      this.#forget.push(cancel);
      return cancel;
    };
    this.#clock = {
      now: () => clock.now(),
      after: (ms, action) => noted(clock.after(ms, action)),
      soon: (action) => noted(clock.soon(action)),
      sleep: (ms) => new Promise((resolve) => noted(clock.after(ms, resolve))),
    };
  }

  /** Runs it to its end, and checks that it leaves nothing open. */
  async run(options: Partial<DemoOptions> = {}, screen: ScreenOptions = PLAIN): Promise<void> {
    const out = (text: string) => {
      this.text += text;
      this.shown();
    };
    // Unlike a real one, a network in memory does not keep the process alive while the handlers wait.
    const alive = setInterval(() => {}, 1000);
    try {
      await runDemo(new Screen(out, screen), {
        network: this.network,
        clock: this.#clock,
        micss: "micss",
        signal: this.#give.signal,
        limits: LIMITS,
        ...options,
      });
    } finally {
      // Associations end once their last frames have left.
      await settle();
      clearInterval(alive);
      // Handlers leave some timers until the process ends, which Deno 2.6 reports as leaks.
      for (const cancel of this.#forget) cancel();
      assertEquals([this.network.openListeners, this.network.openEnds], [0, 0]);
    }
  }

  /** Interrupts it. */
  interrupt(reason: Error): void {
    this.#give.abort(reason);
  }
}

let plain: Promise<string> | undefined;

/** Output of an undisturbed demo on a plain screen, which tests share. */
function plainText(): Promise<string> {
  return plain ??= (async () => {
    const rehearsal = new Rehearsal();
    await rehearsal.run();
    return rehearsal.text;
  })();
}

/** Number of occurrences of `part` in `text`. */
function occurrences(text: string, part: string): number {
  return text.split(part).length - 1;
}

Deno.test("the demo shows everything, in order, and ends with what to try next", async () => {
  const text = await plainText();
  const titles = text.split("\n").filter((line) => /^\S/.test(line));
  assertEquals(titles.slice(1), [
    "1 · A page through three channels",
    "2 · The same bytes, seen in four places",
    "3 · Is it noise?",
    "4 · All three give the page back",
    "5 · How fast",
    "6 · A path is cut",
    "7 · A wiretap that tampers",
    "Next",
  ]);
  const page = PAGE.trimEnd().split("\n").map((line) => `  │ ${line}`.trimEnd()).join("\n");
  assertEquals(occurrences(text, page), 2);
  assertStringIncludes(text, "48 65 6c 6c  Hell = ");
  assert(occurrences(text, "channel ") >= 3);
  assertStringIncludes(text.slice(text.indexOf("\nNext")), "micss server --channel");
});

Deno.test("the demo keeps within the screen's width", async () => {
  const narrow = new Rehearsal(), wide = new Rehearsal();
  await narrow.run({}, { ...PLAIN, width: 60 });
  await wide.run({}, { ...PLAIN, width: 120 });
  const texts = [[60, narrow.text], [PLAIN.width, await plainText()], [120, wide.text]] as const;
  for (const [width, text] of texts) {
    const shown = text.slice(0, text.indexOf("\nNext"));
    const tooWide = shown.split("\n").filter((line) => line.length >= Math.max(width, 80));
    assertEquals(tooWide, []);
    const listing = text.split("\n").filter((line) => / = .* \^ /.test(line));
    assert(listing.every((line) => line.length < width));
  }
});

Deno.test("the demo works with a single loopback address", async () => {
  const rehearsal = new Rehearsal();
  const listen = rehearsal.network.listen.bind(rehearsal.network);
  rehearsal.network.listen = (at) => {
    if (at.host !== "127.0.0.1") throw new Deno.errors.AddrNotAvailable("Can't assign requested address");
    return listen(at);
  };
  await rehearsal.run();
  assertStringIncludes(rehearsal.text.replaceAll(/\s+/g, " "), "(at one address: this system has no more)");
  assertStringIncludes(rehearsal.text, "tap 3 · 127.0.0.1:");
});

Deno.test("a demo interrupted anywhere ends with the reason, and shows nothing more", async () => {
  for (const title of ["MICSS: ", "1 · ", "3 · ", "5 · "]) {
    const rehearsal = new Rehearsal();
    const reason = new Error("interrupted");
    rehearsal.shown = () => {
      if (!rehearsal.text.includes(title)) return;
      rehearsal.shown = () => {};
      queueMicrotask(() => rehearsal.interrupt(reason));
    };
    const error = await assertRejects(() => rehearsal.run({ limits: { bytes: Infinity, ms: Infinity } }));
    assertEquals(error, reason);
    assert(!rehearsal.text.includes("\nNext"), `interrupted at ${title}`);
  }
});

Deno.test("a demo interrupted before its start shows nothing", async () => {
  const rehearsal = new Rehearsal();
  rehearsal.interrupt(new Error("interrupted"));
  await assertRejects(() => rehearsal.run(), Error, "interrupted");
  assertEquals(rehearsal.text, "");
});

Deno.test("a demo that takes too long fails", async () => {
  const pending = new Map<number, () => void>();
  const clock: Clock = {
    now: () => 0,
    after(ms, action) {
      pending.set(ms, action);
      return () => {};
    },
    soon: (action) => systemClock.soon(action),
    sleep: (ms) => systemClock.sleep(ms),
  };
  const rehearsal = new Rehearsal({}, clock);
  rehearsal.shown = () => {
    if (rehearsal.text.includes("5 · ")) pending.get(16_000)!();
  };
  const error = await assertRejects(() => rehearsal.run({ limits: { bytes: Infinity, ms: Infinity } }), DemoError);
  assertEquals(error.message, "not finished within 16 s: this machine is too busy");
});

/** A clock that runs ten times as fast as the system's. */
const hastyClock: Clock = {
  now: () => systemClock.now() * 10,
  after: (ms, action) => systemClock.after(ms / 10, action),
  soon: (action) => systemClock.soon(action),
  sleep: (ms) => systemClock.sleep(ms / 10),
};

Deno.test("a channel that can't be connected is named", async () => {
  // The client handler tries again until its time is over.
  const rehearsal = new Rehearsal({}, hastyClock);
  rehearsal.network.onConnect = (to) => {
    // From the second tap to the server handler.
    if (to.host === "127.0.0.2") throw new Deno.errors.ConnectionRefused("no way");
  };
  const error = await assertRejects(() => rehearsal.run(), DemoError);
  assertMatch(error.message, /^\/ did not come through the channels: session refused: channel 2 \(127\.0\.0\.2:/);
});

Deno.test("a byte changed between a tap and the client handler is a failure", async () => {
  const rehearsal: Rehearsal = new Rehearsal({
    interpose: ({ toClient, toServer }, { port }) => {
      const isTapped = rehearsal.text.includes(`tap 2 · 127.0.0.2:${port} `);
      // An offset in the page, beyond the handshake.
      const both = [copy(toClient, toServer), copy(toServer, toClient, isTapped ? 500 : Infinity)];
      Promise.all(both).then(
        () => [toClient, toServer].forEach((end) => end.close()),
        () => [toClient, toServer].forEach((end) => end.reset()),
      );
    },
  });
  const error = await assertRejects(() => rehearsal.run(), DemoError);
  assertEquals(
    error.message,
    "/ did not come through the channels: association failed: a record with a wrong hash: it was tampered with",
  );
});

/** Forwards bytes until the end, with one bit of the byte at `flip` changed. */
async function copy(from: Connection, to: Connection, flip = Infinity): Promise<void> {
  const buffer = new Uint8Array(1_000);
  let at = 0;
  for (let length = await from.read(buffer); length !== null; length = await from.read(buffer)) {
    if (flip >= at && flip < at + length) buffer[flip - at]! ^= 1;
    at += length;
    await writeAll(to, buffer.subarray(0, length));
  }
  await to.closeWrite();
}

Deno.test("a machine without loopback can't start", async () => {
  const rehearsal = new Rehearsal();
  rehearsal.network.listen = () => {
    throw new Deno.errors.AddrNotAvailable("none");
  };
  await assertRejects(() => rehearsal.run(), StartError, "can't listen at 127.0.0.1:0");
});
