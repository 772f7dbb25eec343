import { assert, assertEquals } from "@std/assert";
import { MAX_BODY } from "../../src/records/record.ts";
import { MIN_PACED_BODY, RecordPace } from "../../src/records/record_pace.ts";
import { forSeeds, Random } from "../support/random/random.ts";

/** A path that takes `rate` bytes a millisecond behind a buffer that takes `room` bytes at once. */
class Path {
  now = 0;
  #queued = 0;
  rate: number;
  readonly #room: number;
  /** The part of the buffer that must be free before it takes bytes again: it fills and drains in lumps. */
  readonly #lump: number;

  constructor(rate: number, room: number, lump = 0) {
    this.rate = rate;
    this.#room = room;
    this.#lump = lump;
  }

  /** Hands a record over, and waits until the buffer has taken it. */
  send(pace: RecordPace): void {
    const length = pace.longest, start = this.now;
    if (this.#queued + length > this.#room) {
      const free = Math.max(length, this.#lump * this.#room);
      const wait = Math.max(0, this.#queued - Math.max(0, this.#room - free)) / this.rate;
      this.wait(wait);
    }
    this.#queued += length;
    pace.moved(length, this.now - start);
  }

  /** Time passes, and the buffer drains. */
  wait(time: number): void {
    this.now += time;
    this.#queued = Math.max(0, this.#queued - this.rate * time);
  }
}

function sendFor(path: Path, pace: RecordPace, time: number, each: (longest: number) => void = () => {}): void {
  for (const end = path.now + time; path.now < end;) {
    path.send(pace);
    each(pace.longest);
  }
}

Deno.test("a record is what moves in 40 ms, once a path's buffer is full", () => {
  // 0.5 to 13 Mbit/s.
  for (const rate of [63, 102, 125, 250, 500, 1000, 1600]) {
    const pace = new RecordPace(), path = new Path(rate, 50_000), due = Math.max(MIN_PACED_BODY, 40 * rate);
    sendFor(path, pace, 2000);
    sendFor(path, pace, 5000, (longest) => {
      assert(longest > due * 0.85 && longest < due * 1.15, `${longest} at ${rate} bytes/ms; ${due} is due`);
    });
  }
});

Deno.test("a path below 102 kB/s has records of 4 KiB, one above 1.64 MB/s of 64 KiB", () => {
  for (
    const [rate, longest] of [[1, MIN_PACED_BODY], [90, MIN_PACED_BODY], [1800, MAX_BODY], [1e6, MAX_BODY]] as const
  ) {
    const pace = new RecordPace(), path = new Path(rate, 50_000);
    sendFor(path, pace, 5000);
    assertEquals(pace.longest, longest, `${rate} bytes/ms`);
  }
});

Deno.test("records grow to 64 KiB within a megabyte where nothing holds them up", () => {
  const pace = new RecordPace();
  let sent = 0;
  for (; pace.longest < MAX_BODY; sent += pace.longest) pace.moved(pace.longest, 0);
  assert(sent < 1_100_000, `${sent} bytes`);
});

Deno.test("records begin with 4 KiB, and a buffer's first room lets them grow little", () => {
  const pace = new RecordPace(), path = new Path(100, 100_000);
  assertEquals(pace.longest, MIN_PACED_BODY);
  sendFor(path, pace, 10_000, (longest) => assert(longest <= 2 * MIN_PACED_BODY, `${longest} bytes`));
  assertEquals(pace.longest, MIN_PACED_BODY);
});

Deno.test("a path that becomes slow has short records within a second, one that becomes fast long ones", () => {
  const pace = new RecordPace(), path = new Path(10_000, 50_000);
  sendFor(path, pace, 1000);
  assertEquals(pace.longest, MAX_BODY);
  path.rate = 100;
  sendFor(path, pace, 1000);
  assert(pace.longest < 3 * MIN_PACED_BODY, `${pace.longest} bytes`);
  path.rate = 10_000;
  sendFor(path, pace, 1000);
  assertEquals(pace.longest, MAX_BODY);
});

Deno.test("a buffer that fills and drains in lumps of a third is paced by its mean", () => {
  // 10 Mbit/s behind 600 kB: nothing for 160 ms, then 200 kB at once.
  const rate = 1250, pace = new RecordPace(), path = new Path(rate, 600_000, 1 / 3), seen: number[] = [];
  sendFor(path, pace, 3000);
  sendFor(path, pace, 5000, (longest) => seen.push(longest));
  const least = Math.min(...seen), most = Math.max(...seen);
  assert(least > 20 * rate && most <= 60 * rate, `${least} to ${most}; ${40 * rate} is due`);
});

Deno.test("idle time says nothing: pauses between bursts leave the length as it is", () => {
  const pace = new RecordPace(), path = new Path(500, 50_000);
  sendFor(path, pace, 3000);
  const before = pace.longest;
  for (let burst = 0; burst < 20; burst++) {
    path.wait(60_000);
    sendFor(path, pace, 200);
  }
  assert(Math.abs(pace.longest - before) < 0.4 * before, `${before}, then ${pace.longest}`);
});

Deno.test("the length is a whole number within its limits, whatever has moved in whatever time", async () => {
  await forSeeds(200, (random: Random) => {
    const pace = new RecordPace();
    for (let i = 0; i < 200; i++) {
      const time = random.pick([0, 0, 1e-9, random.below(100), random.below(1e6), 1e12]);
      pace.moved(random.pick([0, 1, random.below(1e6), 1e15]), time);
      const { longest } = pace;
      assert(Number.isInteger(longest) && longest >= MIN_PACED_BODY && longest <= MAX_BODY, `${longest}`);
    }
  });
});
