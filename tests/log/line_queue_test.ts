import { assertEquals } from "@std/assert";
import { LineQueue, type Sink } from "../../src/log/line_queue.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";

/** A pipe that is read on the test's command. */
class Pipe implements Sink {
  /** Text read so far. */
  text = "";
  /** Number of writes so far. */
  writes = 0;
  #taken: PromiseWithResolvers<number> | null = null;
  #bytes = new Uint8Array(0);
  /** Maximum number of bytes per write. */
  chunk = Infinity;

  write(bytes: Uint8Array): Promise<number> {
    this.writes++;
    this.#bytes = bytes.slice(0, Math.min(bytes.length, this.chunk));
    this.#taken = Promise.withResolvers();
    return this.#taken.promise;
  }

  /** Reads until no write is pending. */
  async read(): Promise<void> {
    for (; this.#taken !== null; await settle()) {
      const taken = this.#taken;
      this.#taken = null;
      this.text += new TextDecoder().decode(this.#bytes);
      taken.resolve(this.#bytes.length);
    }
  }

  /** Fails the pending write. */
  async fail(): Promise<void> {
    this.#taken!.reject(new Deno.errors.BrokenPipe());
    this.#taken = null;
    await settle();
  }
}

Deno.test("lines arrive whole and in order, even with short writes", async () => {
  const pipe = new Pipe();
  pipe.chunk = 3;
  const queue = new LineQueue(pipe, { clock: new FakeClock() });
  for (const line of ["one", "", "three ü"]) queue.push(line);
  await pipe.read();
  assertEquals([pipe.text, queue.dropped], ["one\n\nthree ü\n", 0]);
});

Deno.test("a stalled reader costs the lines beyond the limit, which are reported when it resumes", async () => {
  const pipe = new Pipe();
  const reports: number[] = [];
  const queue: LineQueue = new LineQueue(pipe, {
    clock: new FakeClock(),
    limit: 10,
    dropped: (lines) => {
      reports.push(lines);
      queue.push(`-${lines}`);
    },
  });
  // Each takes 4 of the 10 characters, including its newline.
  for (const line of ["aaa", "bbb", "ccc", "ddd"]) queue.push(line);
  assertEquals([queue.dropped, reports], [2, []]);
  await pipe.read();
  assertEquals([pipe.text, reports, queue.dropped], ["aaa\nbbb\n-2\n", [2], 2]);
  queue.push("eee");
  await pipe.read();
  assertEquals([pipe.text, reports], ["aaa\nbbb\n-2\neee\n", [2]]);
});

Deno.test("a line that fits exactly is kept, and one a character longer is dropped", async () => {
  const pipe = new Pipe();
  const queue = new LineQueue(pipe, { clock: new FakeClock(), limit: 5 });
  queue.push("12345");
  queue.push("1234");
  await pipe.read();
  assertEquals([pipe.text, queue.dropped], ["1234\n", 1]);
});

Deno.test("a failed write costs its own lines only", async () => {
  const pipe = new Pipe();
  const reports: number[] = [];
  const queue = new LineQueue(pipe, { clock: new FakeClock(), dropped: (lines) => reports.push(lines) });
  queue.push("a");
  queue.push("b");
  await pipe.fail();
  assertEquals([queue.dropped, reports], [1, []]);
  await pipe.read();
  assertEquals([pipe.text, reports], ["b\n", [1]]);
});

Deno.test("no report is written after a failed write, since it would fail, too", async () => {
  const pipe = new Pipe();
  const queue: LineQueue = new LineQueue(pipe, { clock: new FakeClock(), dropped: () => queue.push("report") });
  queue.push("a");
  await pipe.fail();
  await pipe.read();
  assertEquals([pipe.text, queue.dropped], ["", 1]);
});

Deno.test("closing waits for a reader up to the limit", async () => {
  const clock = new FakeClock();
  const pipe = new Pipe();
  const queue = new LineQueue(pipe, { clock });
  queue.push("a");
  queue.push("b");
  const closed = queue.close(1000);
  await clock.advance(999);
  assertEquals(await Promise.race([closed, settle().then(() => "open")]), "open");
  await clock.advance(1);
  await closed;
  queue.push("c");
  assertEquals(queue.dropped, 2);
  await pipe.read();
  assertEquals([pipe.text, clock.pending], ["a\n", 0]);
});

Deno.test("closing an idle queue returns immediately", async () => {
  const clock = new FakeClock();
  await new LineQueue(new Pipe(), { clock }).close(1000);
  assertEquals(clock.pending, 0);
});

Deno.test("lines that come soon after a write leave in one write, and before the end if the queue is closed", async () => {
  const pipe = new Pipe(), soon: (() => void)[] = [];
  const clock = Object.assign(new FakeClock(), {
    soon(action: () => void) {
      soon.push(action);
      return () => {};
    },
  });
  const queue = new LineQueue(pipe, { clock });
  queue.push("first");
  await pipe.read();
  for (const line of ["a", "b", "c"]) queue.push(line);
  await pipe.read();
  assertEquals([pipe.text, pipe.writes], ["first\n", 1]);
  soon.pop()!();
  await settle();
  await pipe.read();
  assertEquals([pipe.text, pipe.writes], ["first\na\nb\nc\n", 2]);
  queue.push("last");
  const closed = queue.close(1000);
  await settle();
  await pipe.read();
  await closed;
  assertEquals([pipe.text, pipe.writes, queue.dropped], ["first\na\nb\nc\nlast\n", 3, 0]);
});
