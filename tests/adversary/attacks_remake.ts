/** Attacks by the owner of all channels: join the message, change it, and split it again. */
import { Chunk } from "../../src/net/chunk.ts";
import { RecordDecoder } from "../../src/records/record_decoder.ts";
import { RecordEncoder } from "../../src/records/record_encoder.ts";
import { RecordReader } from "../../src/records/record_reader.ts";
import { systemPads } from "../../src/sharing/system_pads.ts";
import { xor } from "../../src/sharing/xor.ts";
import { ShortJoiner } from "../../src/short/joiner.ts";
import { ShortSplitter } from "../../src/short/splitter.ts";
import { concat } from "../../src/wire/concat.ts";
import { type Frame, FRAME_HEAD_LENGTH, FrameType, ResultCode } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { taken } from "../support/network/chunks.ts";
import { dataFrame } from "../support/wire/frames.ts";
import type { Attack } from "./attack.ts";
import { joined, type Party } from "./evidence.ts";
import { read } from "./invariants.ts";
import type { Act } from "./lane.ts";
import { sealed } from "./sealed.ts";
import { COMPANION, SESSION, type Step, units } from "./steps.ts";

/** Changes a frame. @returns Its bytes; null leaves it as it is, "drop" leaves it out. */
type Change = (frame: Frame) => Uint8Array | null | "drop";

/** Joins a direction's message from its channels, and sends a changed one. */
function remakes(change: Change): Act {
  return async (moment) => {
    const { adversary, step, lane, bytes } = moment;
    const all = await adversary.meet(`remake ${step} ${lane.wire.rank}`, adversary.means.used.length, moment);
    if (all[0]!.lane !== lane) return await adversary.never();
    const lanes = all.map((one) => one.lane);
    const encoder = new RecordEncoder(adversary.means.random.fill), reader = new RecordReader(new RecordDecoder());
    const { join, split } = adversary.means.short ? shortScheme(lanes.length) : XOR_SCHEME;
    let first: readonly Uint8Array[] | null = all.map((one) => one.bytes);
    const plan = units(lane.direction, adversary.plan);
    const left = plan.slice(plan.findIndex((unit) => unit.step === step));
    for (const { length } of [...left, ...Array(1000).fill({ length: 1 })]) {
      const shares: readonly Uint8Array[] = first ?? await Promise.all(lanes.map((one) => one.take(length)));
      first = null;
      if (shares.some((share) => share.length < length)) break;
      const message = remade(join(shares), reader, encoder, change);
      const made = message === null
        ? lanes.map(() => adversary.means.random.bytes(length))
        : split(message, lanes.length);
      await Promise.all(lanes.map((lane, index) => lane.give([made[index]!])));
    }
    return [bytes.subarray(0, 0)];
  };
}

/** Changes the frames of message bytes; null if they can't be opened because a share is missing. */
function remade(message: Uint8Array, reader: RecordReader, encoder: RecordEncoder, change: Change): Uint8Array | null {
  const records: number[] = [];
  try {
    reader.push(new Chunk(message, () => {}));
    for (let record = reader.next(); record !== null; record = reader.next()) {
      const frames = changed(record.bytes, change);
      if (frames.length > 0) records.push(...sealed(encoder, ...frames));
    }
  } catch {
    return null;
  }
  return Uint8Array.from(records);
}

/** The changed frames of a record. */
function changed(body: Uint8Array, change: Change): Uint8Array[] {
  const decoder = new FrameDecoder(body), frames: Uint8Array[] = [];
  let at = 0;
  for (let frame = decoder.next(); frame !== null; frame = decoder.next()) {
    const end = at + FRAME_HEAD_LENGTH + (body[at + 5]! << 8 | body[at + 6]!);
    const other = change(frame) ?? body.subarray(at, end);
    if (other !== "drop") frames.push(other);
    at = end;
  }
  return frames;
}

/** A way to join a direction's shares, and to split what is sent instead. */
interface Splicing {
  readonly join: (shares: readonly Uint8Array[]) => Uint8Array;
  readonly split: (message: Uint8Array, count: number) => Uint8Array[];
}

const XOR_SCHEME: Splicing = {
  join: (shares) => joined(shares, 0),
  split(message, count) {
    const shares = Array.from({ length: count }, () => new Uint8Array(message.length));
    if (count > 1) xor.split(message, shares, systemPads);
    else shares[0]!.set(message);
    return shares;
  },
};

/** The same for short shares, of one direction. */
function shortScheme(count: number): Splicing {
  const pieces: Uint8Array[] = [], joiner = new ShortJoiner(count, (chunk) => void pieces.push(taken(chunk)));
  const splitter = new ShortSplitter(count, systemPads);
  return {
    join(shares) {
      joiner.join(shares.map((share) => share.slice()));
      return concat(pieces.splice(0));
    },
    split(message) {
      const shares = Array.from({ length: count }, () => new Uint8Array(message.length && splitter.lengthOf(message)));
      if (message.length > 0) splitter.split(message, shares);
      return shares;
    },
  };
}

const OTHER_PORT = { destination: { kind: "port", port: 443 } } as const;

/** Passes the first DATA of a stream, then forges END. */
function endsEarly(): Change {
  const seen = new Map<number, number>();
  return (frame) => {
    if (frame.type !== FrameType.Data && frame.type !== FrameType.End || frame.stream !== SESSION) return null;
    const count = (seen.get(frame.stream) ?? 0) + 1;
    seen.set(frame.stream, count);
    return count === 1 ? null : count === 2 ? encode.end(frame.stream) : "drop";
  };
}

const heard = (parties: readonly Party[], kind: Party["kind"], port: number) =>
  parties.find((party) => party.kind === kind && party.port === port)?.heard ?? new Uint8Array(0);

function remake(name: string, step: Step, change: () => Change, succeeded: Attack["succeeded"]): Attack {
  const acts = new WeakMap<object, Act>();
  return {
    name,
    steps: [step],
    act: (moment) => {
      const { adversary } = moment;
      const act = acts.get(adversary) ?? remakes(change());
      acts.set(adversary, act);
      return act(moment);
    },
    ...succeeded && { succeeded },
  };
}

/** Each succeeds with all channels, and achieves nothing with fewer. */
export const REMAKES: readonly Attack[] = [
  {
    name: "reads along",
    steps: [],
    act: ({ bytes }) => [bytes],
    harmless: true,
    succeeded: read,
  },
  remake(
    "leads the session to another port",
    "KEY up",
    () => (frame) =>
      frame.type === FrameType.Open && frame.stream === SESSION ? encode.open(SESSION, OTHER_PORT) : null,
    ({ parties }) => {
      const { says } = parties.find(({ kind, port }) => kind === "application" && port === 80)!;
      return heard(parties, "target", 443).toHex().startsWith(says.toHex());
    },
  ),
  remake(
    "ends what the application says",
    "KEY up",
    endsEarly,
    ({ parties, said }) =>
      parties.some(({ kind, port, end, heard }) =>
        kind === "target" && port === 80 && end === "in order" && heard.length === said.data
      ),
  ),
  remake(
    "ends what the target says",
    "KEY down",
    endsEarly,
    ({ parties, said }) =>
      parties.some(({ kind, port, end, heard }) =>
        kind === "application" && port === 80 && end === "in order" && heard.length === said.answer
      ),
  ),
  remake(
    "refuses the session",
    "KEY down",
    () => (frame) => frame.type === FrameType.Result ? encode.result(frame.stream, ResultCode.Refused) : null,
    ({ clientLines }) => clientLines.some(({ reason }) => reason === "refused"),
  ),
  remake(
    "writes what the application says",
    "KEY up",
    () => (frame) =>
      frame.type === FrameType.Data ? dataFrame(frame.stream, new Uint8Array(frame.bytes.length).fill(65)) : null,
    ({ parties }) =>
      parties.some(({ kind, end, heard }) =>
        kind === "target" && end === "in order" && heard.every((byte) => byte === 65)
      ),
  ),
  remake(
    "gives one session's bytes to another",
    "KEY up",
    () => (frame) => frame.type === FrameType.Data ? dataFrame(COMPANION, frame.bytes) : null,
    ({ parties }) => {
      const { says } = parties.find(({ kind, port }) => kind === "application" && port === 80)!;
      return heard(parties, "application", 7).toHex().includes(says.toHex());
    },
  ),
];
