/** Attacks before any byte is sent on a channel. */
import type { Attack } from "./attack.ts";
import type { Act } from "./lane.ts";

const passOn: Act = ({ bytes }) => [bytes];

/** Attacks on a connection while it is made. */
export const CONNECTING: readonly Attack[] = [
  {
    name: "makes no connection",
    steps: [],
    act: passOn,
    reached: (adversary) => adversary.never(),
  },
  {
    name: "refuses the connection",
    steps: [],
    act: passOn,
    reached: () => Promise.reject(new Deno.errors.ConnectionRefused("Connection refused (os error 111)")),
  },
  {
    name: "delays the connection",
    steps: [],
    act: passOn,
    harmless: true,
    reached: (adversary) => adversary.later(100),
  },
  {
    name: "sends nothing on the connection",
    steps: [],
    act: passOn,
    connected: ({ adversary }) => adversary.never(),
  },
  {
    name: "closes the connection immediately",
    steps: [],
    act: passOn,
    connected: (wire) => wire.close(),
  },
  {
    name: "resets the connection immediately",
    steps: [],
    act: passOn,
    connected: (wire) => wire.reset(),
  },
  {
    name: "connects to the honest channel's address",
    steps: [],
    act: passOn,
    connect: (_, { means: { addresses, owned } }) => addresses.find((_, index) => !owned.includes(index))!,
  },
  {
    name: "connects channels to each other's addresses",
    steps: [],
    act: passOn,
    least: 2,
    connect: (channel, { means: { addresses, used } }) => addresses[used[(used.indexOf(channel) + 1) % used.length]!]!,
  },
  {
    name: "connects all channels to one address",
    steps: [],
    act: passOn,
    least: 2,
    connect: (_, { means: { addresses, used } }) => addresses[used[0]!]!,
  },
  {
    name: "sends to the server before it greets",
    steps: [],
    act: passOn,
    connected: ({ up, adversary }) => up.give([adversary.means.random.bytes(30)]),
  },
  {
    name: "sends to the client before the server does",
    steps: [],
    act: passOn,
    connected: ({ down, adversary }) => down.give([adversary.means.random.bytes(30)]),
  },
];
