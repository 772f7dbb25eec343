/** Attacks with the handshake's messages. */
import { initiate } from "../../src/association/initiate.ts";
import { Chunk } from "../../src/net/chunk.ts";
import { readFull, writeAll } from "../../src/net/connection.ts";
import { RecordEncoder } from "../../src/records/record_encoder.ts";
import { ASSOCIATE_HEAD_LENGTH, encodeAssociate } from "../../src/wire/associate.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { COOKIE_LENGTH, encodeGreeting, GREETING_LENGTH } from "../../src/wire/greeting.ts";
import type { Adversary } from "./adversary.ts";
import type { Attack } from "./attack.ts";
import type { Act, Moment } from "./lane.ts";
import { sealed } from "./sealed.ts";

/** The cookies of a list. */
function cookiesOf(list: Uint8Array): Uint8Array[] {
  return Array.from({ length: list[3]! }, (_, index) => {
    const at = ASSOCIATE_HEAD_LENGTH + index * COOKIE_LENGTH;
    return list.slice(at, at + COOKIE_LENGTH);
  });
}

function listOf(cookies: readonly Uint8Array[]): Uint8Array {
  return encodeAssociate({ scheme: 1, threshold: cookies.length, cookies });
}

/** Opens the adversary's own connection to a channel's address. @returns It, and the cookie of its greeting. */
async function greeted(adversary: Adversary, channel: number) {
  const connection = await adversary.dial(adversary.means.addresses[channel]!);
  const greeting = new Uint8Array(GREETING_LENGTH);
  await readFull(connection, greeting);
  return { connection, greeting, cookie: greeting.slice(6) };
}

function honestOf({ means: { addresses, owned } }: Adversary): number {
  return addresses.findIndex((_, index) => !owned.includes(index));
}

/** Waits for all channels; one acts for all, then the others continue. */
function together(act: (moments: readonly Moment[]) => Promise<void> | void, then: Act = ({ bytes }) => [bytes]): Act {
  const done = new WeakMap<readonly Moment[], Promise<void>>();
  return async (moment) => {
    const { adversary, step, lane } = moment;
    const all = await adversary.meet(`${step} ${lane.wire.rank}`, adversary.means.used.length, moment);
    if (!done.has(all)) done.set(all, (async () => await act(all))());
    await done.get(all);
    return await then(moment);
  };
}

/** Confirms the client's list to it immediately. */
const confirms = ({ lane, bytes }: Moment) => lane.wire.down.give([bytes]);

/** Sends the server another list than the client's, and confirms the client's list to the client. */
function anotherList(change: (list: Uint8Array, moment: Moment) => Uint8Array): Act {
  return async (moment) => {
    const other = change(moment.bytes.slice(), moment);
    await confirms(moment);
    return [other];
  };
}

/** Sets a byte of a message. */
const set = (at: number, value: (bytes: Uint8Array) => number) => (bytes: Uint8Array): Uint8Array => {
  bytes[at] = value(bytes);
  return bytes;
};

const HEADS: Readonly<Record<string, (list: Uint8Array) => Uint8Array>> = {
  "of another type": set(0, () => 9),
  "of another scheme": set(1, () => 2),
  "of shares of the other length": set(1, (list) => list[1] === 1 ? 3 : 1),
  "of a lower threshold": set(2, (list) => list[2]! - 1),
  "of threshold 1": set(2, () => 1),
  "of one channel less": set(3, (list) => list[3]! - 1),
  "of one channel more": set(3, (list) => list[3]! + 1),
  "of no channels": set(3, () => 0),
  "of 255 channels": set(3, () => 255),
  "in another order": (list) => listOf(cookiesOf(list).toReversed()),
  "with a cookie twice": (list) => list.fill(7, ASSOCIATE_HEAD_LENGTH),
};

/** Lists that differ from the client's, each with and without a forged echo. */
const LISTS: Attack[] = Object.entries(HEADS).flatMap(([what, change]): Attack[] => [
  { name: `sends a list ${what}`, steps: ["list"], act: ({ bytes }) => [change(bytes)] },
  { name: `sends a list ${what}, and confirms the client's`, steps: ["list"], act: anotherList(change) },
]);

const GREETINGS: Attack[] = [
  ...[0, 2, 255].map((version): Attack => ({
    name: `greets with version ${version}`,
    steps: ["greeting"],
    act: ({ bytes }) => [set(5, () => version)(bytes)],
  })),
  {
    name: "greets as another protocol",
    steps: ["greeting"],
    act: ({ bytes }) => [new TextEncoder().encode("SSH-2.0-OpenSSH_9.9\r\n\0").slice(0, bytes.length)],
  },
  {
    name: "greets with a cookie of its own, and corrects the list",
    steps: ["greeting", "list"],
    act: ({ step, bytes, adversary, lane: { wire } }) => {
      if (step === "greeting") return [encodeGreeting(adversary.means.random.bytes(COOKIE_LENGTH))];
      const cookies = cookiesOf(bytes);
      cookies[wire.channel] = wire.down.came.get("greeting")!.slice(6);
      return [listOf(cookies)];
    },
  },
  {
    name: "greets with one cookie on all its channels",
    steps: ["greeting"],
    least: 2,
    act: together((all) => all.forEach(({ bytes }) => bytes.set(all[0]!.bytes))),
  },
  {
    name: "replaces a channel by its own connection",
    steps: ["greeting"],
    harmless: true,
    act: async ({ lane: { wire }, adversary }) => {
      const { connection, greeting } = await greeted(adversary, wire.channel);
      wire.down.from = wire.up.to = connection;
      return [greeting];
    },
  },
  {
    name: "replaces a channel by its own connection to the honest address",
    steps: ["greeting"],
    act: async ({ lane: { wire }, adversary }) => {
      const { connection, greeting } = await greeted(adversary, honestOf(adversary));
      wire.down.from = wire.up.to = connection;
      return [greeting];
    },
  },
];

const LEAVING_OUT: Attack[] = [
  {
    name: "leaves the honest channel out",
    steps: ["list"],
    least: 2,
    act: anotherList((list, { adversary }) => listOf(adversary.means.used.map((channel) => cookiesOf(list)[channel]!))),
  },
  {
    name: "replaces the honest channel by its own connection",
    steps: ["list"],
    act: together(async (all) => {
      const [{ adversary, bytes }] = all as [Moment];
      const cookies = cookiesOf(bytes), honest = honestOf(adversary);
      const { connection, cookie } = await greeted(adversary, honest);
      cookies[honest] = cookie;
      await writeAll(connection, listOf(cookies));
      for (const one of all) {
        await confirms(one);
        one.bytes.set(listOf(cookies));
      }
    }),
  },
  {
    name: "associates its own connections with the client's honest one",
    steps: ["list"],
    act: together(async (all) => {
      const [{ adversary, bytes }] = all as [Moment];
      const cookies = cookiesOf(bytes);
      const own = await Promise.all(adversary.means.owned.map((channel) => greeted(adversary, channel)));
      adversary.means.owned.forEach((channel, index) => cookies[channel] = own[index]!.cookie);
      for (const { connection } of own) await writeAll(connection, listOf(cookies));
    }),
    harmless: true,
  },
  {
    name: "names the honest cookie in lists sent by one connection too many",
    steps: ["list"],
    harmless: true,
    act: together(async ([one]) => {
      const { adversary, bytes } = one!;
      const cookies = cookiesOf(bytes), { owned } = adversary.means;
      const own = await Promise.all([...owned, owned[0]!].map((channel) => greeted(adversary, channel)));
      owned.forEach((channel, index) => cookies[channel] = own[index]!.cookie);
      for (const { connection } of own) await writeAll(connection, listOf(cookies));
    }),
  },
  {
    name: "names all the client's cookies but one in a list of its own",
    steps: ["list", "echo"],
    harmless: true,
    act: async ({ adversary, bytes, lane: { wire } }) => {
      const { connection, cookie } = await greeted(adversary, wire.channel);
      const cookies = cookiesOf(bytes);
      cookies[wire.channel] = cookie;
      await writeAll(connection, listOf(cookies));
      return [bytes];
    },
  },
  {
    name: "sends the client's list on a connection of its own",
    steps: ["list", "echo"],
    harmless: true,
    act: async ({ adversary, bytes, lane: { wire } }) => {
      const { connection } = await greeted(adversary, wire.channel);
      await writeAll(connection, bytes);
      return [bytes];
    },
  },
  {
    name: "requests the channels instead of sending the list",
    steps: ["list"],
    act: ({ adversary }) => [Uint8Array.of(2, ...adversary.means.random.bytes(40))],
  },
  ...[0, 1, 2, 3, 4, 5, 99].map((reason): Attack => ({
    name: `sends the refusal ${reason}`,
    steps: ["echo"],
    act: () => [Uint8Array.of(255, reason)],
  })),
  {
    name: "has its own session meanwhile",
    steps: ["list"],
    stranger: true,
    harmless: true,
    act: together(async ([one]) => {
      const { means, over } = one!.adversary;
      const dial = one!.adversary.dial.bind(one!.adversary);
      const network = { connect: dial, listen: means.network.listen };
      const association = await initiate(means.addresses, { network, clock: means.clock });
      over.then(() => association.abort());
      const open = encode.open(1, { destination: { kind: "port", port: 81 } });
      const bytes = sealed(new RecordEncoder(means.random.fill), open);
      await association.writable.getWriter().write(new Chunk(bytes, () => {}));
    }),
  },
];

/** All attacks on the handshake alone. */
export const HANDSHAKE_ATTACKS: readonly Attack[] = [
  ...GREETINGS,
  ...LISTS,
  ...LEAVING_OUT,
  ...[...LISTS, ...LEAVING_OUT].map((attack): Attack => ({
    ...attack,
    name: `${attack.name}, before the honest channel's comes`,
    slow: true,
  })),
];
