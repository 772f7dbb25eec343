import { assertEquals, assertThrows } from "@std/assert";
import { type Address, formatAddress } from "../../../src/net/address.ts";
import { listenAll, StartError } from "../../../src/net/listen/listen.ts";
import { systemNetwork } from "../../../src/net/system/tcp.ts";
import { freePort } from "../../support/programs/programs.ts";

function startError(addresses: readonly Address[]): string {
  return assertThrows(() => listenAll(systemNetwork, addresses), StartError).message;
}

Deno.test("of two own addresses that overlap, the error names the narrower, in either order", () => {
  const port = freePort("127.0.0.1");
  for (const [wide, narrow] of [["::", "0.0.0.0"], ["::", "127.0.0.1"], ["::", "::1"], ["0.0.0.0", "127.0.0.1"]]) {
    const [all, one] = [{ host: wide!, port }, { host: narrow!, port }];
    const why = `${formatAddress(all)} already covers ${formatAddress(one)}`;
    for (const addresses of [[all, one], [one, all]]) {
      const where = `can't listen at ${formatAddress(addresses[1]!)}`;
      const help = `remove ${formatAddress(one)} or change its port`;
      assertEquals(startError(addresses), `${where}: ${why}; ${help}`);
    }
  }
});

Deno.test("an address given twice is reported", () => {
  const address = { host: "127.0.0.1", port: freePort("127.0.0.1") };
  assertEquals(
    startError([address, { ...address }]),
    `can't listen at ${formatAddress(address)}: two settings stand for this address; give each its own`,
  );
});

Deno.test("another program at an address is reported, and no listener stays open", () => {
  const other = systemNetwork.listen({ host: "127.0.0.1", port: freePort("127.0.0.1") });
  const free = { host: "127.0.0.1", port: freePort("127.0.0.1") };
  assertEquals(
    startError([free, other.address]),
    `can't listen at ${formatAddress(other.address)}: another program listens there; stop it or choose another port`,
  );
  other.close();
  for (const listener of listenAll(systemNetwork, [free, other.address])) listener.close();
});

Deno.test("an address that is not assigned to this machine is reported", () => {
  assertEquals(
    startError([{ host: "192.0.2.1", port: 6522 }]),
    "can't listen at 192.0.2.1:6522: the address is not assigned to this machine; give one that is",
  );
});
