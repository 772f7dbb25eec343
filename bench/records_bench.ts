/**
 * The cost of records by themselves, on one core: `deno bench --allow-ffi bench/records_bench.ts`. A time in microseconds
 * for so many bytes is also their speed: 65,536 bytes in 10 us are 6.6 GB/s.
 *
 * @module
 */

import { Chunk } from "../src/net/chunk.ts";
import { headTag, wasmPoly1305 } from "../src/records/hashes.ts";
import { loadOpensslPoly1305 } from "../src/records/openssl_poly1305.ts";
import { fastestPoly1305 } from "../src/records/poly1305.ts";
import { KEY_LENGTH, MAX_BODY, RECORD_HEAD_LENGTH } from "../src/records/record.ts";
import { RecordDecoder } from "../src/records/record_decoder.ts";
import { RecordEncoder, sealedLength } from "../src/records/record_encoder.ts";
import { RecordReader } from "../src/records/record_reader.ts";
import { systemPads } from "../src/sharing/system_pads.ts";

const key = new Uint8Array(32), message = new Uint8Array(8 * MAX_BODY), hash = new Uint8Array(16);
systemPads(key);
systemPads(message);

const openssl = loadOpensslPoly1305();
for (const length of [64, 512, 4096, 65_536]) {
  const body = message.subarray(0, length), group = `Poly1305 of ${length} bytes`;
  Deno.bench(`WebAssembly, ${length}`, { group }, () => wasmPoly1305(key, body, hash));
  if (openssl !== null) Deno.bench(`OpenSSL, ${length}`, { group }, () => openssl(key, body, hash));
}

Deno.bench("tag of a head", () => headTag(key.subarray(0, 16), 1000, 7, hash, hash));

for (const [way, poly1305] of [["fastest", fastestPoly1305()], ["WebAssembly", wasmPoly1305]] as const) {
  const encoder = new RecordEncoder(systemPads, poly1305);
  encoder.key();
  for (const length of [64, 4096, 65_536]) {
    const record = new Uint8Array(RECORD_HEAD_LENGTH + length);
    Deno.bench(`seal ${length} bytes, ${way}`, { group: "seal" }, () => encoder.seal(record));
  }
  const buffer = new Uint8Array(sealedLength(message.length, MAX_BODY));
  Deno.bench(`seal 524,288 bytes in place as 8 records, ${way}`, { group: "seal" }, () => {
    encoder.sealAll(buffer, message.length, MAX_BODY);
  });
}

// Eight records, opened again and again by a decoder that begins with the same KEY.
const encoder = new RecordEncoder(systemPads),
  direction = new Uint8Array(
    KEY_LENGTH + sealedLength(message.length, MAX_BODY),
  );
direction.set(encoder.key());
direction.set(message, KEY_LENGTH + RECORD_HEAD_LENGTH);
encoder.sealAll(direction.subarray(KEY_LENGTH), message.length, MAX_BODY);

/** Opens the direction in pieces of a length. */
function open(pieces: number): void {
  const reader = new RecordReader(new RecordDecoder());
  for (let at = 0; at < direction.length; at += pieces) {
    reader.push(new Chunk(direction.subarray(at, at + pieces), () => {}));
    for (let body = reader.next(); body !== null; body = reader.next()) body.release();
  }
}

Deno.bench("open 524,288 bytes, in one piece", { group: "open" }, () => open(direction.length));
Deno.bench("open 524,288 bytes, each record cut", { group: "open" }, () => open(MAX_BODY));
