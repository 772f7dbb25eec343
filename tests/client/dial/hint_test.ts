import { assertEquals, assertRejects } from "@std/assert";
import { ChannelError, type HandshakeProgress } from "../../../src/association/channel_error.ts";
import { initiate } from "../../../src/association/initiate.ts";
import { HandshakeRefused, HandshakeTimeout } from "../../../src/association/outcome.ts";
import { hintOf } from "../../../src/client/dial/hint.ts";
import { RefusedReason, SHORT, XOR } from "../../../src/wire/associate.ts";
import { WireError } from "../../../src/wire/decoder.ts";
import { NoServerError, PROTOCOL_VERSION, VersionError } from "../../../src/wire/greeting.ts";
import { FakeClock, settle } from "../../support/time/fake_clock.ts";
import { MemoryNetwork } from "../../support/network/memory_network.ts";
import { Accepting, channelAddresses } from "../../support/handlers/pair.ts";

const ADDRESS = { host: "198.51.100.10", port: 6522 };

const hintFor = (
  cause: unknown,
  progress?: Omit<HandshakeProgress, "reached">,
  reached: HandshakeProgress["reached"] = "nothing",
) => hintOf(new ChannelError(1, ADDRESS, cause, progress && { ...progress, reached }));

Deno.test("each likely cause of a failed handshake has a hint, other causes do not", () => {
  const cases: [unknown, string | undefined][] = [
    [new Deno.errors.ConnectionRefused("refused"), "is the server handler running, and is this its port?"],
    [new HandshakeTimeout("late"), "is the path up, and the port open in every firewall on it?"],
    [new NoServerError(), "is this the server handler's port, without a proxy in between?"],
    [new VersionError(PROTOCOL_VERSION + 1), "upgrade this client handler"],
    [new VersionError(PROTOCOL_VERSION - 1), "upgrade that server handler"],
    [
      new HandshakeRefused(RefusedReason.SharedAddress),
      "give each channel an address of its own that no NAT translates to another's",
    ],
    [new Error("Network is unreachable (os error 101)"), "does this machine have a route there?"],
    [new Error("No route to host (os error 113)"), "does this machine have a route there?"],
    [
      new HandshakeRefused(RefusedReason.Unacceptable, SHORT),
      "upgrade that server handler if it does not have short shares yet, and give it no threshold; or give shares: full",
    ],
    [new HandshakeRefused(RefusedReason.Unacceptable, XOR), "give both handlers the same threshold, or none"],
    [new HandshakeRefused(RefusedReason.Overloaded, SHORT), undefined],
    [new WireError("tampered with"), undefined],
    [null, undefined],
  ];
  for (const [cause, hint] of cases) assertEquals(hintFor(cause), hint);
  assertEquals(hintOf(new Deno.errors.ConnectionRefused("of something else")), undefined);
});

Deno.test("a hint includes the known state of the other channels", () => {
  const cases: [number, number, string | undefined][] = [
    [1, 1, "the other channel has answered"],
    [2, 2, "the other 2 channels have answered"],
    [2, 1, "of the other 2 channels 1 has answered"],
    [3, 2, "of the other 3 channels 2 have answered"],
    // An immediate refusal may be faster than the others' answers.
    [2, 0, undefined],
  ];
  for (const [count, answered, hint] of cases) assertEquals(hintFor(null, { others: count, answered }), hint);
  const late = (count: number) => hintFor(new HandshakeTimeout("late"), { others: count, answered: 0 })?.split("; ")[1];
  assertEquals([late(1), late(2)], [
    "the other channel has not answered either",
    "of the other 2 channels none has answered",
  ]);
});

Deno.test("a time-out blames the path only if no connection was made", () => {
  const late = (reached: HandshakeProgress["reached"]) =>
    hintFor(new HandshakeTimeout("late"), { others: 0, answered: 0 }, reached);
  assertEquals([late("nothing"), late("connection"), late("greeting")], [
    "is the path up, and the port open in every firewall on it?",
    "the connection was accepted, but no greeting came: is the server handler overloaded, or is this another program?",
    "the server handler sent its greeting: is it or this machine overloaded, or has the path failed since?",
  ]);
});

Deno.test("the hint for a silent channel says that the others have answered", async () => {
  const clock = new FakeClock();
  const addresses = channelAddresses(3);
  const network = new MemoryNetwork();
  const accepting = new Accepting(network, [addresses[0]!, addresses[2]!], { clock });
  // The second channel's port is open, but sends no greeting.
  const silent = network.listen(addresses[1]!);
  const attempt = assertRejects(() => initiate(addresses, { network, clock }), ChannelError);
  await clock.advance(5_000);
  const error = await attempt;
  assertEquals([error.index, error.progress], [1, { reached: "connection", others: 2, answered: 2 }]);
  assertEquals(
    hintOf(error),
    "the connection was accepted, but no greeting came: is the server handler overloaded, or is this another program?; " +
      "the other 2 channels have answered",
  );
  silent.close();
  await accepting.close();
  await settle();
});
