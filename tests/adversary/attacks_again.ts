/** Attacks on joining a channel again: cuts at any moment, and all that can be done with the connections that follow. */
import { readFull, writeAll } from "../../src/net/connection.ts";
import { encodeRejoined, HANDLE_LENGTH, REJOIN, REJOIN_CODE_LENGTH } from "../../src/wire/rejoin.ts";
import { encodeGreeting, GREETING_LENGTH } from "../../src/wire/greeting.ts";
import type { Address } from "../../src/net/address.ts";
import { concat } from "../../src/wire/concat.ts";
import type { Adversary } from "./adversary.ts";
import {
  type Again,
  type AgainPart,
  type Cut,
  REJOIN_COUNT_AT,
  REJOIN_LENGTH,
  REJOINED_COUNT_AT,
  REJOINED_LENGTH,
} from "./again.ts";
import type { Attack } from "./attack.ts";
import { read } from "./invariants.ts";

type Rest = Pick<Attack, "harmless" | "succeeded">;

/** An attack that leaves the first connection as it is but for the cut. */
export const attack = (name: string, again: AgainPart, rest: Rest = {}): Attack => ({
  name,
  steps: [],
  act: ({ bytes }) => [bytes],
  again,
  ...rest,
});

/** Cuts while nothing passes: by then both sides can join channels again. */
const IDLE: Cut = { direction: null, at: 0, how: "reset" };

const HARMLESS: Rest = { harmless: true };

/** Numbers of bytes after which to cut. Before an OFFER has been acknowledged, no channel is joined again. */
const AT = {
  up: [1, 30, 60, 100, 150, 200, 250, 300, 350, 400, 450, 500, 550, 600, 650, 700],
  down: [1, 60, 100, 150, 200, 300, 400, 500, 600, 700, 800, 850, 900, 950, 1000, 1050, 1100, 1200],
};

/** Ways to cut. */
export const HOWS = ["reset", "close", "half-close", "silence"] as const;

const CUTS: readonly Attack[] = [
  ...HOWS.flatMap((how) => [
    ...(["up", "down"] as const).flatMap((direction) =>
      AT[direction].map((at) =>
        attack(`cuts by a ${how} after ${at} bytes ${direction}`, { cut: { direction, at, how } })
      )
    ),
    attack(`cuts by a ${how} while nothing passes`, { cut: { ...IDLE, how } }, HARMLESS),
    attack(`cuts by a ${how} after every 400 bytes down`, {
      cut: { direction: "down", at: 400, how },
      always: true,
    }),
  ]),
];

/** Reads what is sent over the connections that follow. */
const READS: Attack = attack("cuts, and reads along on the new connection", { cut: IDLE }, {
  harmless: true,
  succeeded: (evidence) => read({ ...evidence, parties: evidence.parties.filter(({ port }) => port === 443) }),
});

/** Does something on the first connection that follows only. */
const once = <T>(act: (bytes: Uint8Array, again: Again) => T) => (bytes: Uint8Array, again: Again) =>
  again.round === 0 ? act(bytes, again) : [bytes];

const never = (_: Uint8Array, { wire }: Again): Promise<never> => wire.adversary.never();

const HELD: readonly Attack[] = (["greeting", "request", "answer"] as const).flatMap((message) => [
  attack(`holds the first ${message} of joining again`, { cut: IDLE, [message]: once(never) }, HARMLESS),
  attack(`holds every ${message} of joining again`, { cut: IDLE, [message]: never }),
  attack(`delays every ${message} of joining again`, {
    cut: IDLE,
    [message]: async (bytes: Uint8Array, { wire }: Again) => {
      await wire.adversary.later(100);
      return [bytes];
    },
  }, HARMLESS),
  attack(`resets at the first ${message} of joining again`, {
    cut: IDLE,
    [message]: once((_, { wire }) => {
      wire.reset();
      return [];
    }),
  }, HARMLESS),
  attack(`truncates the first ${message} of joining again`, {
    cut: IDLE,
    [message]: once((bytes, { wire }) => {
      wire.adversary.later(0).then(() => wire.close());
      return [bytes.subarray(0, bytes.length >> 1)];
    }),
  }, HARMLESS),
  attack(`sends the ${message} of joining again twice`, {
    cut: IDLE,
    [message]: (bytes: Uint8Array) => [bytes, bytes],
  }),
]);

/** Fields of the messages: name, offset and length in bytes. */
const FIELDS = {
  request: [
    ["type", 0, 1],
    ["handle", 1, HANDLE_LENGTH],
    ["attempt", REJOIN_COUNT_AT - 1, 1],
    ["count", REJOIN_COUNT_AT, 8],
    ["code", REJOIN_LENGTH - REJOIN_CODE_LENGTH, REJOIN_CODE_LENGTH],
  ],
  answer: [
    ["type", 0, 1],
    ["count", REJOINED_COUNT_AT, 8],
    ["code", REJOINED_LENGTH - REJOIN_CODE_LENGTH, REJOIN_CODE_LENGTH],
  ],
} as const;

const KINDS: Readonly<Record<string, (field: Uint8Array, adversary: Adversary) => void>> = {
  "flips the first bit of": (field) => void (field[0]! ^= 0x80),
  "flips the last bit of": (field) => void (field[field.length - 1]! ^= 1),
  "zeroes": (field) => void field.fill(0),
  "replaces by noise": (field, { means }) => void field.set(means.random.bytes(field.length)),
};

/** Changes a field. The refusal or the end that follows is passed on, or hidden by a reset: then the next attempt succeeds. */
const ALTERED: readonly Attack[] = (["request", "answer"] as const).flatMap((message) =>
  FIELDS[message].flatMap(([name, at, length]) =>
    Object.entries(KINDS).flatMap(([kind, change]) => {
      const alter = (bytes: Uint8Array, { wire }: Again) => {
        wire.adversary.acted++;
        change(bytes.subarray(at, at + length), wire.adversary);
        return [bytes];
      };
      const what = `${kind} the ${name} of ${message === "request" ? "REJOIN" : "REJOINED"}`;
      return [
        attack(what, { cut: IDLE, [message]: alter }),
        attack(`${what} once, and hides the answer`, {
          cut: IDLE,
          [message]: once(async (bytes, again) => {
            await again.wire[message === "request" ? "up" : "down"].give(alter(bytes, again));
            await again.wire.adversary.later(10);
            again.wire.reset();
            return [];
          }),
        }),
      ];
    })
  )
);

/** Connects on its own, and sends something. @returns What comes back, as far as it is there soon. */
async function sends(adversary: Adversary, to: Address, bytes: Uint8Array): Promise<void> {
  const connection = await adversary.dial(to);
  await readFull(connection, new Uint8Array(GREETING_LENGTH));
  await writeAll(connection, bytes);
}

const honestOf = ({ means: { addresses, owned } }: Adversary): Address =>
  addresses.find((_, index) => !owned.includes(index))!;

const own = ({ wire: { adversary, channel } }: Again): Address => adversary.means.addresses[channel]!;

/** Sends a REJOIN on a connection of its own, to each kind of address, and then or before passes it on. */
const REPLAYS: readonly Attack[] = Object.entries(
  {
    "its own address": own,
    "the honest channel's address": ({ wire }: Again) => honestOf(wire.adversary),
  },
).flatMap(([where, to]) => [
  attack(`repeats REJOIN at ${where} before it passes it on`, {
    cut: IDLE,
    request: async (bytes, again) => {
      await sends(again.wire.adversary, to(again), bytes);
      await again.wire.adversary.later(10);
      return [bytes];
    },
  }, HARMLESS),
  attack(`repeats REJOIN at ${where} once the channel is joined again`, {
    cut: IDLE,
    request: (bytes, again) => {
      again.wire.adversary.later(50).then(() => sends(again.wire.adversary, to(again), bytes)).catch(() => {});
      return [bytes];
    },
  }, HARMLESS),
  attack(`sends REJOIN to ${where} instead`, {
    cut: IDLE,
    request: async (bytes, again) => {
      const { wire } = again;
      const connection = await wire.adversary.dial(to(again));
      await readFull(connection, new Uint8Array(GREETING_LENGTH));
      wire.up.to = wire.down.from = connection;
      return [bytes];
    },
  }),
  attack(`leads the new connection to ${where}, cookie and all`, {
    cut: IDLE,
    greeting: async (_, again) => {
      const { wire } = again, greeting = new Uint8Array(GREETING_LENGTH);
      wire.up.to = wire.down.from = await wire.adversary.dial(to(again));
      await readFull(wire.down.from, greeting);
      return [greeting];
    },
  }, where === "its own address" ? HARMLESS : {}),
]);

/** Answers in the server's place, or floods it. */
const FORGED: readonly Attack[] = [
  ...[0, 1, 100, 2 ** 40].map((count) =>
    attack(`answers every REJOIN itself, with ${count} bytes received`, {
      cut: IDLE,
      greeting: (_, { wire }) => [encodeGreeting(wire.adversary.means.random.bytes(16))],
      request: async (_, { wire }) => {
        await wire.down.give([encodeRejoined(count, wire.adversary.means.random.bytes(REJOIN_CODE_LENGTH))]);
        return [];
      },
    })
  ),
  attack("answers every REJOIN with a refusal", {
    cut: IDLE,
    request: async (_, { wire }) => {
      await wire.down.give([Uint8Array.of(255, 6)]);
      return [];
    },
  }),
  attack("answers REJOIN with an earlier answer", { cut: IDLE, answer: earlierAnswer(), always: true }),
  attack("floods the server with REJOINs of its own", {
    cut: IDLE,
    request: async (bytes, again) => {
      const { adversary } = again.wire, { random } = adversary.means;
      for (let one = 0; one < 20; one++) {
        const other = one % 2 === 0 ? bytes.slice() : concat([[REJOIN], random.bytes(REJOIN_LENGTH - 1)]);
        // A right handle and a later attempt, with a code that was guessed.
        other[REJOIN_COUNT_AT - 1] = one % 8;
        other.set(random.bytes(REJOIN_CODE_LENGTH), REJOIN_LENGTH - REJOIN_CODE_LENGTH);
        await sends(adversary, adversary.means.addresses[one % adversary.means.addresses.length]!, other);
      }
      await adversary.later(10);
      return [bytes];
    },
  }, HARMLESS),
];

/** Keeps the first answer, and gives it again. */
function earlierAnswer() {
  const first = new WeakMap<Adversary, Uint8Array>();
  return (bytes: Uint8Array, { wire: { adversary } }: Again) => {
    const earlier = first.get(adversary);
    if (earlier === undefined) first.set(adversary, bytes.slice());
    return [earlier ?? bytes];
  };
}

/** Hands the connections of one channel on in another order: the first REJOIN comes when a later one was accepted. */
const ORDER: readonly Attack[] = [
  attack("hands the first REJOIN on behind the second", {
    cut: IDLE,
    request: once(async (bytes, { wire }) => {
      // The client tries again at once, while the server still waits on this connection.
      wire.toClient.reset();
      await wire.adversary.later(300);
      return [bytes];
    }),
  }, HARMLESS),
  attack("hands the first answer on behind the second", {
    cut: IDLE,
    answer: once(async (bytes, { wire }) => {
      await wire.adversary.later(1500);
      return [bytes];
    }),
  }, HARMLESS),
];

/** Changes to the bytes behind REJOIN and REJOINED, which may have been sent before. */
const BYTES: readonly Attack[] = (["up", "down"] as const).flatMap((direction) =>
  Object.entries({
    "flips a bit of": (bytes: Uint8Array) => {
      bytes[0]! ^= 1;
      return [bytes];
    },
    "leaves out the first of": (bytes: Uint8Array) => [bytes.subarray(1)],
    "leaves out a piece of": () => [],
    "repeats": (bytes: Uint8Array) => [bytes, bytes],
    "replaces by noise": (bytes: Uint8Array, { wire }: Again) => [wire.adversary.means.random.bytes(bytes.length)],
    "puts noise before": (bytes: Uint8Array, { wire }: Again) => [wire.adversary.means.random.bytes(5), bytes],
    "puts before": (bytes: Uint8Array, { wire }: Again) => [concat(wire[direction].captured).subarray(-20), bytes],
  }).flatMap(([name, change]) =>
    [IDLE, { direction, at: direction === "up" ? 550 : 1000, how: "reset" } as const].map((cut) =>
      attack(`${name} the bytes ${direction} on the new connection, cut ${cut.direction ?? "when idle"}`, {
        cut,
        [direction]: change,
      })
    )
  )
);

/** All of them. */
export const AGAIN: readonly Attack[] = [
  ...CUTS,
  READS,
  ...HELD,
  ...ALTERED,
  ...REPLAYS,
  ...FORGED,
  ...ORDER,
  ...BYTES,
];
