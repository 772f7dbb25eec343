import { assertEquals } from "@std/assert";
import { alone, Count, crewMemory, crewOf, partOf, toldOf } from "../../src/workers/crew.ts";

Deno.test("what one worker counts, the others see", () => {
  const memory = crewMemory(2);
  const [first, second] = [crewOf(memory, 0), crewOf(memory, 1)];
  first.carried.add(3);
  second.carried.add(-1);
  assertEquals([first.carried.value, second.carried.value], [2, 2]);
  assertEquals(crewOf(crewMemory(2), 0).carried.value, 0);
  assertEquals(new Count().value, 0);
});

Deno.test("a crew is known by its id, which is another at each start; who is alone tells nothing", () => {
  const memory = crewMemory(3);
  assertEquals(toldOf(crewOf(memory, 2)), { count: 3, id: memory.id });
  assertEquals(toldOf(crewOf(memory, 0))!.id.toHex() === toldOf(crewOf(crewMemory(3), 0))!.id.toHex(), false);
  assertEquals(toldOf(alone()), null);
});

Deno.test("a part of a limit is never so small that nothing fits, and all parts are at least the whole", () => {
  const crew = crewOf(crewMemory(4), 1);
  assertEquals([partOf(100, crew), partOf(10, crew), partOf(10, crew, 16), partOf(0, crew, 0)], [25, 3, 16, 0]);
  assertEquals(partOf(10, alone(), 16), 10);
});
