import { assertEquals } from "@std/assert";
import {
  announcedWorkers,
  Count,
  joinWorkerGroup,
  perWorkerShare,
  single,
  workerGroupMemory,
} from "../../src/workers/worker_group.ts";

Deno.test("counts are common to all workers", () => {
  const memory = workerGroupMemory(2);
  const [first, second] = [joinWorkerGroup(memory, 0), joinWorkerGroup(memory, 1)];
  first.sessions.add(3);
  second.sessions.add(-1);
  first.channels.add(9);
  assertEquals([first.sessions.value, second.sessions.value], [2, 2]);
  assertEquals([first.channels.value, second.channels.value], [9, 9]);
  const { sessions, channels } = joinWorkerGroup(workerGroupMemory(2), 0);
  assertEquals([sessions.value, channels.value], [0, 0]);
  assertEquals(new Count().value, 0);
});

Deno.test("a group announces its id, which differs at each start; a single worker announces nothing", () => {
  const memory = workerGroupMemory(3);
  assertEquals(announcedWorkers(joinWorkerGroup(memory, 2)), { count: 3, id: memory.id });
  assertEquals(
    announcedWorkers(joinWorkerGroup(memory, 0))!.id.toHex() ===
      announcedWorkers(joinWorkerGroup(workerGroupMemory(3), 0))!.id.toHex(),
    false,
  );
  assertEquals(announcedWorkers(single()), null);
});

Deno.test("the share of a limit never falls below its minimum, and all shares add up to at least the limit", () => {
  const group = joinWorkerGroup(workerGroupMemory(4), 1);
  assertEquals([
    perWorkerShare(100, group),
    perWorkerShare(10, group),
    perWorkerShare(10, group, 16),
    perWorkerShare(0, group, 0),
  ], [25, 3, 16, 0]);
  assertEquals(perWorkerShare(10, single(), 16), 10);
});
