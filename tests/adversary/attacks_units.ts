/** Attacks on any unit of one channel, at each step. */
import type { Attack } from "./attack.ts";
import type { Act } from "./lane.ts";
import { STEPS } from "./steps.ts";

const ACTS: Readonly<Record<string, Act>> = {
  "nothing, but listens": ({ bytes }) => [bytes],
  "drops": () => [],
  "delays": async ({ adversary, bytes }) => {
    await adversary.later(100);
    return [bytes];
  },
  "holds back": ({ adversary }) => adversary.never(),
  "duplicates": ({ bytes }) => [bytes, bytes],
  "puts behind the next": ({ lane, bytes }) => {
    lane.held = bytes;
    return [];
  },
  "replaces by noise": ({ adversary, bytes }) => [adversary.means.random.bytes(bytes.length)],
  "replaces by zeros": ({ bytes }) => [new Uint8Array(bytes.length)],
  "truncates": ({ bytes }) => [bytes.subarray(0, bytes.length >> 1)],
  "truncates and half-closes": async ({ bytes, lane }) => {
    await lane.give([bytes.subarray(0, bytes.length >> 1)]);
    await lane.to.closeWrite();
    return [];
  },
  "truncates to all but a byte": ({ bytes }) => [bytes.subarray(0, -1)],
  "injects noise before": ({ adversary, bytes }) => [adversary.means.random.bytes(20), bytes],
  "injects noise behind": ({ adversary, bytes }) => [bytes, adversary.means.random.bytes(20)],
  "injects a zero byte before": ({ bytes }) => [new Uint8Array(1), bytes],
  "flips the first bit": ({ bytes }) => [flip(bytes, 0)],
  "flips a bit in the middle": ({ bytes }) => [flip(bytes, bytes.length >> 1)],
  "flips the last bit": ({ bytes }) => [flip(bytes, bytes.length - 1)],
  "closes at": ({ lane }) => {
    lane.wire.close();
    return [];
  },
  "closes after": async ({ lane, bytes }) => {
    await lane.give([bytes]);
    lane.wire.close();
    return [];
  },
  "resets at": ({ lane }) => {
    lane.wire.reset();
    return [];
  },
  "reflects": async ({ lane, bytes }) => {
    const { wire } = lane;
    await (lane.direction === "up" ? wire.down : wire.up).give([bytes]);
    return [bytes];
  },
  "reflects and drops": async ({ lane, bytes }) => {
    const { wire } = lane;
    await (lane.direction === "up" ? wire.down : wire.up).give([bytes]);
    return [];
  },
};

/** Attacks that act at the step without a unit. */
const IDLE = ["injects noise before", "injects a zero byte before", "closes at", "resets at"];

/** Attacks that change nothing. */
const HARMLESS = ["nothing, but listens", "delays"];

/** The steps that an earlier association had, too: it fell silent only when all sessions had ended. */
const OLD = STEPS.filter((step) => !/P[IO]NG|companion's END/.test(step));

/** All of them at every step. */
export const UNITS: readonly Attack[] = Object.entries(ACTS).flatMap(([name, act]) =>
  [...STEPS, ...IDLE.includes(name) ? ["idle" as const] : []].map((step): Attack => ({
    name: `${name} ${step}`,
    steps: [step],
    act,
    ...HARMLESS.includes(name) && { harmless: true },
  }))
).concat(replays());

/** Replaces units by those of an earlier association. */
function replays(): Attack[] {
  const one = OLD.map((step): Attack => ({
    name: `replays an old ${step}`,
    steps: [step],
    rehearsed: true,
    act: ({ adversary, lane }) => [adversary.old(lane, step)],
  }));
  const down = OLD.slice(OLD.indexOf("greeting")), up = OLD.slice(0, OLD.indexOf("greeting"));
  const many = Object.entries({ "everything up": up, "everything down": down, "everything": [...up, ...down] });
  return [
    ...one,
    ...many.map(([name, steps]): Attack => ({
      name: `replays ${name} of an old association`,
      steps,
      rehearsed: true,
      act: ({ adversary, lane, step }) => [adversary.old(lane, step)],
    })),
  ];
}

/** Copies bytes and flips the lowest bit of one. */
function flip(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 1;
  return copy;
}
