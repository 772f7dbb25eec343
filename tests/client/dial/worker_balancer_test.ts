import { assertEquals } from "@std/assert";
import { WorkerBalancer } from "../../../src/client/dial/worker_balancer.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

const THREE = { count: 3, id: new Uint8Array(16).fill(1) };

/** Number of times that each worker is next in `count` choices. */
function turns(balancer: WorkerBalancer, count: number): Record<number, number> {
  const seen: Record<number, number> = {};
  for (let i = 0; i < count; i++) {
    const worker = balancer.next();
    seen[worker] = (seen[worker] ?? 0) + 1;
  }
  return seen;
}

Deno.test("all associations go to the first worker until others are announced and reached", () => {
  const balancer = new WorkerBalancer(new FakeClock(), 59_013);
  assertEquals([turns(balancer, 6), balancer.untried()], [{ 0: 6 }, []]);
  balancer.announced(THREE, 0);
  assertEquals([turns(balancer, 6), balancer.untried(), balancer.untried()], [{ 0: 6 }, [1, 2], []]);
  balancer.reached(2);
  assertEquals(turns(balancer, 6), { 0: 3, 2: 3 });
  balancer.reached(1);
  assertEquals(turns(balancer, 6), { 0: 2, 1: 2, 2: 2 });
});

Deno.test("an unreachable worker is avoided for a minute, and reported once", async () => {
  const clock = new FakeClock(), balancer = new WorkerBalancer(clock, 59_013);
  balancer.announced(THREE, 0);
  assertEquals(balancer.untried(), [1, 2]);
  assertEquals([balancer.failed(1), balancer.failed(1)], [true, false]);
  await clock.advance(59_999);
  assertEquals(balancer.untried(), []);
  await clock.advance(1);
  assertEquals(balancer.untried(), [1]);
  assertEquals(balancer.failed(1), false);
  balancer.reached(1);
  assertEquals([turns(balancer, 4), balancer.failed(1), turns(balancer, 4)], [{ 0: 2, 1: 2 }, true, { 0: 4 }]);
});

Deno.test("a worker is proven by a session that it answered, until it fails", () => {
  const balancer = new WorkerBalancer(new FakeClock(), 59_013);
  balancer.announced(THREE, 0);
  balancer.reached(1);
  assertEquals([balancer.isProven(0), balancer.isProven(1)], [true, false]);
  balancer.announced({ ...THREE }, 1);
  assertEquals(balancer.isProven(1), true);
  balancer.failed(1);
  assertEquals(balancer.isProven(1), false);
});

Deno.test("a restart, or a change to one worker, resets what is known", () => {
  const balancer = new WorkerBalancer(new FakeClock(), 59_013);
  balancer.announced(THREE, 0);
  balancer.reached(1);
  balancer.announced({ count: 2, id: new Uint8Array(16).fill(2) }, 0);
  assertEquals([turns(balancer, 2), balancer.untried()], [{ 0: 2 }, [1]]);
  balancer.reached(1);
  balancer.announced(null, 0);
  assertEquals([turns(balancer, 2), balancer.untried(), balancer.workers], [{ 0: 2 }, [], null]);
});

Deno.test("no port beyond 65535 is tried", () => {
  const balancer = new WorkerBalancer(new FakeClock(), 1);
  balancer.announced(THREE, 0);
  assertEquals(balancer.untried(), [1]);
});
