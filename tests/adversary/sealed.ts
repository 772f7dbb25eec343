/** Message bytes of the adversary's own making: frames in sealed records. */
import { RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import type { RecordEncoder } from "../../src/records/record_encoder.ts";
import { concat } from "../../src/wire/concat.ts";

/** Seals frames in one record, in a direction's first one behind KEY. */
export function sealed(encoder: RecordEncoder, ...frames: readonly Uint8Array[]): Uint8Array {
  const key = encoder.started ? new Uint8Array(0) : encoder.key();
  const record = concat([new Uint8Array(RECORD_HEAD_LENGTH), ...frames]);
  encoder.seal(record);
  return concat([key, record]);
}
