/** Sessions of one association with short shares, with both handlers over an in-memory network. */
import { assert, assertEquals } from "@std/assert";
import { bufferBytes } from "../../src/net/buffer_pool.ts";
import { type Connection, readFull, writeAll } from "../../src/net/connection.ts";
import { isSame } from "../support/handlers/channels.ts";
import { events, Handlers } from "../support/handlers/handlers_in_memory.ts";
import { Random } from "../support/random/random.ts";
import { settle } from "../support/time/fake_clock.ts";

for (const way of ["up", "down"] as const) {
  Deno.test(`with short shares, a side that does not read ${way} stops its own session, in bounded memory, and no other`, async () => {
    const { inUse } = bufferBytes(), random = new Random(1), limit = 1_000_000;
    const handlers = new Handlers({}, {
      client: `shares: short\nassociations: 1\nlimits: {credit: ${limit}}`,
      server: `limits: {credit: ${limit}}`,
    });
    const stuck = await handlers.session(), other = await handlers.session();
    const [from, to] = way === "up" ? [stuck.application, stuck.target] : [stuck.target, stuck.application];
    const bytes = random.bytes(6_000_000);
    let written = false;
    const writing = writeAll(from, bytes).then(() => from.closeWrite()).then(() => written = true);
    await handlers.clock.advance(2000);
    assertEquals(written, false);
    // Of each side: what credit allows, the buffers of channels, and what is on its way.
    const held = bufferBytes().inUse - inUse;
    assert(held > 0 && held < 4 * limit, `${held} bytes in use`);
    const exchanged = async (near: Connection, far: Connection): Promise<boolean> => {
      const said = random.bytes(50_000), heard = new Uint8Array(said.length);
      await Promise.all([writeAll(near, said), readFull(far, heard)]);
      return isSame(said, heard);
    };
    for (let round = 0; round < 5; round++) {
      assert(await exchanged(other.application, other.target) && await exchanged(other.target, other.application));
    }
    await handlers.clock.advance(2000);
    assertEquals([written, bufferBytes().inUse - inUse < 4 * limit], [false, true]);
    const heard = new Uint8Array(bytes.length);
    await handlers.clock.until(Promise.all([readFull(to, heard), writing]));
    assert(isSame(heard, bytes));
    assertEquals(events(handlers.clientLines).filter((event) => event === "association").length, 1);
    await handlers.close(...Object.values(stuck), ...Object.values(other));
    await settle();
  });
}
