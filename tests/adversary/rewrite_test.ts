/**
 * Known text rewritten by the owner of channels with short shares: fragments are a stream cipher's, so that a pattern added to
 * one is added to the text in it. Records notice: the session is reset, and neither side is given a byte of what was changed.
 */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { type Connection, readFull, writeAll } from "../../src/net/connection.ts";
import { SMALLEST_BUFFER } from "../../src/net/buffer_pool.ts";
import { RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { CIPHER_KEY_LENGTH } from "../../src/sharing/stream_cipher.ts";
import { fragmentLength, isDispersed, shareLength } from "../../src/short/layout.ts";
import { FRAME_HEAD_LENGTH } from "../../src/wire/frame.ts";
import { Handlers } from "../support/handlers/handlers_in_memory.ts";
import { readToEnd } from "../support/handlers/pair.ts";
import { Interposer } from "../support/network/interposer.ts";
import { settle } from "../support/time/fake_clock.ts";

const CHANNELS = 3, FRAGMENT = RECORD_HEAD_LENGTH + CIPHER_KEY_LENGTH;

const encoder = new TextEncoder();

/** Said first by both sides: it fills the buffer that it is read into, so that all that follows is read, and leaves, at once. */
const FIRST = new Uint8Array(SMALLEST_BUFFER).fill(70);

const REQUEST = encoder.encode(
  `GET /page.html HTTP/1.1\r\nHost: example.com\r\nCookie: pin=4711; theme=dark\r\nX-Note: ${"-".repeat(1500)}\r\n\r\n`,
);
const PAGE = `${"<p>".repeat(400)}welcome\n`;
const RESPONSE = encoder.encode(
  `HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Length: ${PAGE.length}\r\n\r\n${PAGE}`,
);

/** Texts that are known, and what is to become of them. */
const REWRITES = {
  down: [
    ["HTTP/1.1 200 OK\r\nServer: nginx/1.22.1", "HTTP/1.1 307 OK\r\nLocation://127.0.7.7"],
    ["welcome\n", "attack!\n"],
    ["Content-Length: ", "Content-Lengthy "],
  ],
  up: [
    ["Cookie: pin=", "Range:bytes="],
    ["GET /page.html", "GET /evil.html"],
    ["-----------", "\r\nX-Evil: 1"],
  ],
} as const;

/** Bits to flip on channels, from a record's begin on. */
type Pattern = readonly { readonly channel: number; readonly at: number; readonly bits: Uint8Array }[];

/** The pattern that rewrites a text where its bytes are. */
function rewriting(message: Uint8Array, from: string, to: string): Pattern {
  const [old, other] = [encoder.encode(from), encoder.encode(to)];
  assertEquals(old.length, other.length);
  const at = new TextDecoder().decode(message).indexOf(from), bodyLength = FRAME_HEAD_LENGTH + message.length;
  assert(at >= 0 && isDispersed(bodyLength));
  const length = fragmentLength(bodyLength, CHANNELS);
  return [...old].map((byte, index) => {
    const place = FRAME_HEAD_LENGTH + at + index;
    const channel = Math.floor(place / length);
    return { channel, at: FRAGMENT + place % length, bits: Uint8Array.of(byte ^ other[index]!) };
  });
}

/** Handlers with short shares, and a pattern that is added to what passes in a direction once it is set. */
function attacked() {
  const paths: Interposer[] = [], pattern = { up: [] as Pattern, down: [] as Pattern };
  const begins: { up: number[]; down: number[] } = { up: [], down: [] };
  const handlers = new Handlers({
    interposes: ({ port }) => port === 6522,
    interpose: (path) => {
      const index = paths.length;
      const change = (way: "up" | "down") => (piece: Uint8Array, at: number) => {
        for (const { channel, at: place, bits } of pattern[way]) {
          if (channel !== index) continue;
          bits.forEach((bit, offset) => {
            const where = begins[way][index]! + place + offset - at;
            if (where >= 0 && where < piece.length) piece[where]! ^= bit;
          });
        }
      };
      paths.push(new Interposer(path, { change: change("down") }, { change: change("up") }));
    },
  }, { server: "timeouts: {rejoin: 0}", client: "timeouts: {rejoin: 0}\nshares: short" });
  const set = (way: "up" | "down", to: Pattern): void => {
    begins[way] = paths.map(({ fromClient, fromServer }) => way === "up" ? fromClient : fromServer);
    pattern[way] = to;
  };
  const carried = (way: "up" | "down"): number[] =>
    paths.map(({ fromClient, fromServer }, index) => (way === "up" ? fromClient : fromServer) - begins[way][index]!);
  return { handlers, set, carried };
}

async function passes(bytes: Uint8Array, from: Connection, to: Connection): Promise<void> {
  const heard = new Uint8Array(bytes.length);
  await Promise.all([writeAll(from, bytes), readFull(to, heard)]);
  assertEquals(heard, bytes);
  await settle();
}

/** Sends the request or the response under a pattern. @returns What came, and the other side's end. */
async function under(way: "up" | "down", pattern: Pattern) {
  const { handlers, set, carried } = attacked();
  const { application, target } = await handlers.session();
  await passes(FIRST, application, target);
  await passes(FIRST, target, application);
  if (way === "down") await passes(REQUEST, application, target);
  // Frames that wait for company leave before, so that the record has the message alone.
  await handlers.clock.advance(100);
  set(way, pattern);
  const [from, to, message] = way === "up" ? [application, target, REQUEST] : [target, application, RESPONSE];
  const heard = readToEnd(to), others = readToEnd(from);
  await writeAll(from, message);
  await settle();
  // One record, on each channel: the patterns are where they should be.
  assertEquals(carried(way), Array(CHANNELS).fill(shareLength(FRAME_HEAD_LENGTH + message.length, CHANNELS)));
  await from.closeWrite().catch(() => {});
  await settle();
  const lines = [...handlers.clientLines, ...handlers.serverLines];
  const reasons = lines.filter(({ event }) => event === "association failed").map(({ reason }) => String(reason));
  if (reasons.length === 0) await to.closeWrite();
  const result = { ...await heard, other: (await others).error, reasons };
  await handlers.close(application, target);
  return result;
}

Deno.test("without an adversary, a request and a response with short shares come as they were sent", async () => {
  assertEquals(await under("up", []), { bytes: REQUEST, error: null, other: null, reasons: [] });
  assertEquals(await under("down", []), { bytes: RESPONSE, error: null, other: null, reasons: [] });
});

/** Further bits that the owner of the channels of a pattern can flip together with it. */
const WITH: Readonly<Record<string, (pattern: Pattern) => Pattern>> = {
  "alone": (pattern) => pattern,
  "with a flip in the key share": (pattern) => [...pattern, at(pattern, RECORD_HEAD_LENGTH, 1)],
  "with the same pattern in the hash": (
    pattern,
  ) => [...pattern, ...pattern.slice(0, 16).map((one, index) => ({ ...one, at: 3 + index }))],
  "with flips in hash and tag": (pattern) => [...pattern, at(pattern, 3, 1), at(pattern, 19, 1)],
  "with a length of a byte more": (pattern) => [...pattern, at(pattern, 2, 1)],
};

const at = (pattern: Pattern, at: number, bits: number) => ({
  channel: pattern[0]!.channel,
  at,
  bits: Uint8Array.of(bits),
});

for (const way of ["up", "down"] as const) {
  for (const [from, to] of REWRITES[way]) {
    const message = way === "up" ? REQUEST : RESPONSE, pattern = rewriting(message, from, to);
    const name = JSON.stringify(from).slice(1, 18);
    Deno.test(`"${name}" rewritten in a fragment, ${way}: both sessions are reset, and no byte of the record is given`, async () => {
      for (const [how, more] of Object.entries(WITH)) {
        const { bytes, error, other, reasons } = await under(way, more(pattern));
        assertEquals(bytes.length, 0, `${how}: ${new TextDecoder().decode(bytes)}`);
        assertInstanceOf(error, Deno.errors.ConnectionReset, how);
        assertInstanceOf(other, Deno.errors.ConnectionReset, how);
        assert(reasons.some((reason) => /was tampered with|^a record of \d+ bytes/.test(reason)), reasons.join());
      }
    });
  }
}
