/**
 * The contract of a network, which the system's network and the one in memory both pass, so that the fake behaves like
 * Linux and Deno.
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Connection, type Network, writeAll } from "../../src/net/connection.ts";

const { BadResource, BrokenPipe, ConnectionRefused, ConnectionReset, Interrupted } = Deno.errors;

/** Defines the contract's tests. */
export function testNetwork(name: string, makeNetwork: () => Network, hosts: readonly string[]): void {
  for (const host of hosts) {
    const test = (what: string, body: (a: Connection, b: Connection) => Promise<void>) => {
      Deno.test(`${name}, ${host}: a dialled connection ${what}`, () => withPair(makeNetwork(), host, body));
      Deno.test(
        `${name}, ${host}: an accepted connection ${what}`,
        () => withPair(makeNetwork(), host, (a, b) => body(b, a)),
      );
    };

    Deno.test(`${name}, ${host}: both ends know both addresses`, () =>
      withPair(makeNetwork(), host, (client, server) => {
        assertEquals(server.local.host, host);
        assertEquals(client.remote, server.local);
        assertEquals(client.local, server.remote);
        return Promise.resolve();
      }));

    test("carries bytes both ways, and null after each half-close", async (a, b) => {
      await writeAll(a, Uint8Array.of(1, 2, 3));
      await a.closeWrite();
      assertEquals(await readAll(b), Uint8Array.of(1, 2, 3));
      assertEquals(await b.read(new Uint8Array(1)), null, "null stays");
      await writeAll(b, Uint8Array.of(4));
      await b.closeWrite();
      assertEquals(await readAll(a), Uint8Array.of(4));
    });

    test("refuses to write after it half-closed", async (a) => {
      await a.closeWrite();
      await assertRejects(() => a.write(Uint8Array.of(1)), BrokenPipe);
    });

    test("delivers what was written before it was closed", async (a, b) => {
      await writeAll(a, Uint8Array.of(1, 2, 3));
      a.close();
      assertEquals(await readAll(b), Uint8Array.of(1, 2, 3));
    });

    test("delivers what was written before it was closed with bytes unread, but takes no more", async (a, b) => {
      await writeAll(b, Uint8Array.of(1, 2));
      assertEquals(await a.read(new Uint8Array(1)), 1);
      await writeAll(a, Uint8Array.of(3));
      a.close();
      assertEquals(await readAll(b), Uint8Array.of(3));
      await assertRejects(() => keepWriting(b), BrokenPipe);
    });

    test("that is reset is a reset to the other end's pending read", async (a, b) => {
      const read = assertRejects(() => b.read(new Uint8Array(1)), ConnectionReset);
      a.reset();
      await read;
    });

    test("that is reset is a reset to the other end's blocked write", async (a, b) => {
      const { blocked } = await fill(b);
      a.reset();
      await assertRejects(() => blocked, ConnectionReset);
    });

    test("that is reset is a reset to the other end's read, even after a write has failed with it", async (a, b) => {
      a.reset();
      await assertRejects(() => keepWriting(b), ConnectionReset);
      await assertRejects(() => b.read(new Uint8Array(1)), ConnectionReset);
    });

    test("that is reset after it half-closed breaks the other end's blocked write", async (a, b) => {
      await a.closeWrite();
      assertEquals(await readAll(b), new Uint8Array());
      const { blocked } = await fill(b);
      a.reset();
      await assertRejects(() => blocked, BrokenPipe);
      assertEquals(await b.read(new Uint8Array(1)), null);
    });

    test("that is closed makes the other end's writes fail eventually", async (a, b) => {
      a.close();
      assertEquals(await readAll(b), new Uint8Array());
      await assertRejects(() => keepWriting(b), BrokenPipe);
    });

    for (const way of ["close", "reset"] as const) {
      test(`settles its pending read at its own ${way}`, async (a) => {
        const read = a.read(new Uint8Array(1));
        a[way]();
        await assertRejects(() => soon(read), Interrupted);
      });

      test(`settles its blocked write at its own ${way}, though the other end never reads`, async (a) => {
        const { blocked } = await fill(a);
        a[way]();
        const error = await soon(blocked).catch((error: unknown) => error);
        const errors = [Interrupted, BrokenPipe, ConnectionReset, BadResource];
        assert(errors.some((type) => error instanceof type), String(error));
      });
    }

    test("does nothing after its end, and may be ended again", async (a, b) => {
      a.close();
      a.close();
      a.reset();
      await assertRejects(() => a.read(new Uint8Array(1)), BadResource);
      await assertRejects(() => a.write(new Uint8Array(1)), BadResource);
      await assertRejects(() => a.closeWrite(), BadResource);
      assertEquals(await readAll(b), new Uint8Array());
    });

    Deno.test(`${name}, ${host}: connecting where nothing listens is refused`, async () => {
      const network = makeNetwork();
      const listener = network.listen({ host, port: 0 });
      listener.close();
      await assertRejects(() => network.connect(listener.address), ConnectionRefused);
    });

    Deno.test(`${name}, ${host}: listening at an address in use is an error`, () => {
      const network = makeNetwork();
      const listener = network.listen({ host, port: 0 });
      try {
        assertThrows(() => network.listen(listener.address), Deno.errors.AddrInUse);
      } finally {
        listener.close();
      }
    });

    Deno.test(`${name}, ${host}: closing a listener settles a pending accept and all later ones with null`, async () => {
      const listener = makeNetwork().listen({ host, port: 0 });
      const accepting = listener.accept();
      listener.close();
      listener.close();
      assertEquals(await accepting, null);
      assertEquals(await listener.accept(), null);
    });

    Deno.test(`${name}, ${host}: connecting with a signal that has aborted rejects with its reason`, async () => {
      const network = makeNetwork();
      const listener = network.listen({ host, port: 0 });
      try {
        const reason = new RangeError("too late");
        await assertRejects(() => network.connect(listener.address, AbortSignal.abort(reason)), RangeError, "too late");
      } finally {
        listener.close();
      }
    });

    Deno.test(`${name}, ${host}: a signal that aborts after connecting has no effect`, async () => {
      const network = makeNetwork();
      const listener = network.listen({ host, port: 0 });
      const abort = new AbortController();
      const client = await network.connect(listener.address, abort.signal);
      const server = await listener.accept();
      listener.close();
      abort.abort();
      await writeAll(client, Uint8Array.of(7));
      assertEquals(await server?.read(new Uint8Array(1)), 1);
      client.close();
      server?.close();
    });
  }
}

/** Connects through a listener of its own, runs `body`, and ends everything. */
export async function withPair(
  network: Network,
  host: string,
  body: (client: Connection, server: Connection) => Promise<void>,
): Promise<void> {
  const listener = network.listen({ host, port: 0 });
  const [client, server] = await Promise.all([network.connect(listener.address), listener.accept()]);
  listener.close();
  try {
    await body(client, server!);
  } finally {
    client.close();
    server!.close();
  }
}

/** Time limit for what should happen at once, in milliseconds. */
const HANGING = 60_000;

/** Waits for a promise that should settle at once. */
export async function soon<T>(promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) =>
    timer = setTimeout(() => reject(new Error(`Not settled in ${HANGING} ms`)), HANGING)
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Reads up to null. */
async function readAll(connection: Connection): Promise<Uint8Array> {
  const all: number[] = [];
  const buffer = new Uint8Array(65536);
  for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
    all.push(...buffer.subarray(0, count));
  }
  return Uint8Array.from(all);
}

/** Writes until a write fails. */
async function keepWriting(connection: Connection): Promise<never> {
  const bytes = new Uint8Array(1 << 20);
  while (true) await connection.write(bytes);
}

/** Writes until the connection has taken nothing for a while; `blocked` rejects with the pending write. */
async function fill(connection: Connection): Promise<{ blocked: Promise<never> }> {
  let taken = 0;
  const counting: Connection = Object.assign(Object.create(connection), {
    write: async (bytes: Uint8Array) => {
      const count = await connection.write(bytes);
      taken += count;
      return count;
    },
  });
  const blocked = keepWriting(counting);
  blocked.catch(() => {});
  for (let before = -1; taken !== before;) {
    before = taken;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  return { blocked };
}
