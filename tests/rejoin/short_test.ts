/** Channels with short shares that break at any byte and are joined again, with both handlers over an in-memory network. */
import { assert, assertEquals } from "@std/assert";
import type { Association } from "../../src/association/association.ts";
import { bufferBytes } from "../../src/net/buffer_pool.ts";
import { type Connection, readFull, writeAll } from "../../src/net/connection.ts";
import { RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { CIPHER_KEY_LENGTH } from "../../src/sharing/stream_cipher.ts";
import { shareLength } from "../../src/short/layout.ts";
import { FRAME_HEAD_LENGTH } from "../../src/wire/frame.ts";
import { Handlers } from "../support/handlers/handlers_in_memory.ts";
import { Interposer, type Tampering } from "../support/network/interposer.ts";
import type { Interposed } from "../support/network/memory_network.ts";
import { isSame } from "../support/handlers/channels.ts";
import { forSeeds, Random } from "../support/random/random.ts";
import { exchange } from "./exchange.ts";

const SHORT = "shares: short";

type Way = "up" | "down";

/** A relay on a channel's path that breaks after a number of bytes, which may be set at any time. */
class Breakable {
  /** Bytes that still pass in a direction, and the way in which the path breaks then. */
  readonly left: Record<Way, number> = { up: Infinity, down: Infinity };
  /** Bytes that have passed in each direction. */
  readonly passed: Record<Way, number> = { up: 0, down: 0 };
  broken = false;
  how: "reset" | "close" = "reset";
  readonly #path: Interposed;

  constructor(path: Interposed) {
    this.#path = path;
    const both = [this.#pump("up", path.toClient, path.toServer), this.#pump("down", path.toServer, path.toClient)];
    Promise.all(both).then(() => {
      path.toClient.close();
      path.toServer.close();
    });
  }

  async #pump(way: Way, from: Connection, to: Connection): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const length = await from.read(buffer);
        if (length === null) return await to.closeWrite();
        const passing = Math.min(length, this.left[way]);
        this.left[way] -= passing;
        if (passing > 0) await writeAll(to, buffer.subarray(0, passing));
        this.passed[way] += passing;
        if (this.left[way] === 0) return this.break(this.how);
      }
    } catch {
      this.break("reset");
    }
  }

  break(how: "reset" | "close"): void {
    this.broken = true;
    this.#path.toClient[how]();
    this.#path.toServer[how]();
  }
}

/** The last path of each channel, and the number of paths. */
function breakable(yaml: { server?: string; client?: string } = {}) {
  const paths = new Map<string, Breakable>();
  const all: Breakable[] = [];
  const handlers = new Handlers({
    interposes: ({ port }) => port === 6522,
    interpose: (path, { host }) => {
      const breakable = new Breakable(path);
      all.push(breakable);
      paths.set(host, breakable);
    },
  }, { ...yaml, client: `${SHORT}\n${yaml.client ?? ""}` });
  return { handlers, all, of: (channel: number) => paths.get(`192.0.2.${channel + 1}`)! };
}

function assertNoneFailed({ clientLines, serverLines }: Handlers): void {
  const failed = [...clientLines, ...serverLines].filter(({ event }) =>
    /session (reset|refused)|association failed/.test(event)
  );
  assertEquals(failed, []);
}

function associationsOf({ client, server }: Handlers): Association[] {
  return [client, server].flatMap(({ activity }) => [...activity.associations.keys()]);
}

/** An application's bytes at a time: one record with a body just above those that are shared byte by byte. */
const SAID = 1030;

/** Length in bytes of its record on each of three channels. */
const SHARE = shareLength(FRAME_HEAD_LENGTH + SAID, 3);

for (const how of ["reset", "close"] as const) {
  // The one is at odd offsets what the other one is at even ones.
  Deno.test(`short shares: a channel that breaks at any byte of head, key and fragment costs none, both ways: ${how}`, async () => {
    assertEquals(SHARE, RECORD_HEAD_LENGTH + CIPHER_KEY_LENGTH + 346);
    const { handlers, all, of } = breakable(), { clock } = handlers, random = new Random(1);
    const { application, target } = await handlers.session();
    await clock.advance(1000);
    const say = async (from: Connection, to: Connection): Promise<boolean> => {
      const said = random.bytes(SAID), heard = new Uint8Array(SAID);
      await Promise.all([writeAll(from, said), readFull(to, heard)]);
      return isSame(said, heard);
    };
    // Both applications' buffers grow, until what they say leaves in one record.
    for (let round = 0; round < 3; round++) assert(await say(application, target) && await say(target, application));
    await clock.advance(1000);
    const passed = [of(0).passed.up, of(0).passed.down];
    assertEquals(await Promise.all([say(application, target), say(target, application)]), [true, true]);
    assertEquals([of(0).passed.up, of(0).passed.down], passed.map((length) => length + SHARE));
    await clock.advance(1000);
    let broken = 0;
    for (let at = how === "reset" ? 0 : 1; at <= SHARE; at += 2) {
      const up = of(at % 3), down = of((at + 1) % 3), before = { up: up.passed.up, down: down.passed.down };
      up.how = down.how = how;
      if (at === 0) {
        up.break(how);
        down.break(how);
      }
      up.left.up = at;
      down.left.down = at;
      assertEquals(await clock.until(Promise.all([say(application, target), say(target, application)])), [true, true]);
      // Acknowledgements, before anything else is said.
      await clock.advance(400);
      assert(at === 0 || up.passed.up === before.up + at && down.passed.down === before.down + at, `${at}`);
      for (const path of [up, down]) {
        if (path.broken) broken++;
        path.left.up = path.left.down = Infinity;
      }
    }
    assert(broken >= SHARE, `${broken} breaks`);
    // An attempt may meet the end of the connection before it.
    assert(all.length >= 3 + broken && all.length < 3 + 1.1 * broken, `${all.length} paths`);
    assertNoneFailed(handlers);
    // Nothing but the last ACKs, which none acknowledges, and what is left of KEY's write.
    for (const { kept } of associationsOf(handlers)) assert(kept < 3 * 500, `${kept}`);
    await handlers.close(application, target);
  });
}

Deno.test("short shares: channels that break at any moment of large flows both ways lose nothing", async () => {
  let made = 0;
  await forSeeds(2, async (random) => {
    const cut = (): Tampering => ({
      cut: { at: random.between(20_000, 80_000), how: random.pick(["reset", "close"]) },
    });
    const handlers = new Handlers({
      // A break loses what a network holds, at most this.
      capacity: 4000,
      chunk: (available) => random.between(1, available),
      interposes: ({ port }) => port === 6522,
      interpose: (path) => {
        made++;
        new Interposer(path, cut(), cut());
      },
    }, { client: SHORT });
    const { application, target } = await handlers.session();
    await handlers.clock.advance(300);
    await handlers.clock.until(exchange(application, target, random, 200_000));
    assertNoneFailed(handlers);
    await handlers.close(application, target);
  });
  assert(made > 2 * 3 + 7, `${made} paths`);
});

Deno.test("short shares: what is kept for a channel that is away is bounded, and given back", async () => {
  const { inUse } = bufferBytes(), { handlers, of } = breakable(), { clock, network } = handlers;
  const { application, target } = await handlers.session(), random = new Random(1);
  await clock.advance(1000);
  const [client] = associationsOf(handlers), before = client!.offered;
  const held = Promise.withResolvers<void>();
  network.onConnect = ({ host, port }) => port === 6522 && host === "192.0.2.2" ? held.promise : undefined;
  const bytes = random.bytes(3_000_000), heard: Uint8Array[] = [];
  of(1).left.up = 100_000;
  const sending = writeAll(application, bytes).then(() => application.closeWrite());
  await clock.advance(5000);
  // A network's buffers, what is being written, and what waits behind it.
  assert(client!.offered - before < 1_500_000, `${client!.offered - before} bytes of each channel`);
  assert(client!.kept <= 3 * (client!.offered - before), `${client!.kept} bytes kept`);
  assert(bufferBytes().inUse - inUse < 8_000_000, `${bufferBytes().inUse - inUse} bytes in use`);
  held.resolve();
  const reading = (async () => {
    for (;;) {
      const buffer = new Uint8Array(65_536), length = await target.read(buffer);
      if (length === null) return;
      heard.push(buffer.subarray(0, length));
    }
  })();
  await clock.until(Promise.all([sending, reading]));
  const all = new Uint8Array(bytes.length);
  heard.reduce((at, piece) => (all.set(piece, at), at + piece.length), 0);
  assert(isSame(all, bytes));
  await clock.advance(1000);
  for (const { kept } of associationsOf(handlers)) assert(kept < 3 * 500, `${kept}`);
  assertNoneFailed(handlers);
  await handlers.close(application, target);
  assertEquals(client!.kept, 0);
});
