/** Attacks with two channels, of one association or of two: swaps and splices. */
import type { Met } from "./adversary.ts";
import type { Attack } from "./attack.ts";
import type { Act, Moment } from "./lane.ts";
import { type Step, STEPS } from "./steps.ts";

/** Meets others at a step. @returns The next one in an order that all agree on. */
async function next(moment: Moment, name: string, count: number): Promise<Met> {
  const all = await moment.adversary.meet(`${moment.step} ${name}`, count, moment);
  return all[(all.findIndex(({ lane }) => lane === moment.lane) + 1) % all.length]!;
}

/** Meets the other channels of the association. */
const otherChannel = (moment: Moment) => next(moment, `${moment.lane.wire.rank}`, moment.adversary.means.used.length);

/** Meets the same channel of the other association. */
const otherAssociation = (moment: Moment) => next(moment, `${moment.lane.wire.channel}`, 2);

/** Exchanges a unit, or everything from it on in one direction, or in both. */
function exchanges(other: (moment: Moment) => Promise<Met>): Record<string, Act> {
  return {
    "": async (moment) => [(await other(moment)).bytes],
    " and all behind it": async (moment) => {
      const { lane, bytes } = moment;
      lane.to = (await other(moment))[lane.direction];
      return [bytes];
    },
    " and all behind it, both ways": async (moment) => {
      const { lane: { wire }, bytes } = moment;
      const { up, down } = await other(moment);
      wire.up.to = up;
      wire.down.to = down;
      return [bytes];
    },
  };
}

/** Reports whether two associations at once have a step: a client has two only without a companion that sessions join. */
function isShared(step: Step, second: NonNullable<Attack["second"]>): boolean {
  return second === "other client" || !/companion|P[IO]NG/.test(step);
}

/** Swaps between channels, and splices between associations, at every step. */
export const TWO: readonly Attack[] = [
  ...Object.entries(exchanges(otherChannel)).flatMap(([how, act]) =>
    STEPS.map((step): Attack => ({ name: `swaps ${step}${how} between channels`, steps: [step], least: 2, act }))
  ),
  ...(["same client", "other client"] as const).flatMap((second) =>
    Object.entries(exchanges(otherAssociation)).flatMap(([how, act]) =>
      STEPS.filter((step) => isShared(step, second)).map((step): Attack => ({
        name: `splices ${step}${how} with another association of the ${second}`,
        steps: [step],
        second,
        act,
      }))
    )
  ),
];
