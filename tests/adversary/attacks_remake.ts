/** Attacks by the owner of all channels: join the message, change it, and split it again. */
import { xor } from "../../src/sharing/xor.ts";
import { type Frame, FRAME_HEAD_LENGTH, FrameType, ResultCode } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { FrameEncoder } from "../../src/wire/frame_encoder.ts";
import type { Attack } from "./attack.ts";
import { joined, type Party } from "./evidence.ts";
import { read } from "./invariants.ts";
import type { Act, Lane } from "./lane.ts";
import { SAID, type Step, units } from "./steps.ts";

/** Changes a frame. @returns Its bytes, or null to end the direction before it. */
type Change = (frame: Frame, encoder: FrameEncoder) => Uint8Array | null;

/** Joins a direction's message from its channels, and sends a changed one. */
function remakes(change: Change): Act {
  return async (moment) => {
    const { adversary, step, lane, bytes } = moment;
    const all = await adversary.meet(`remake ${step} ${lane.wire.rank}`, adversary.means.used.length, moment);
    if (all[0]!.lane !== lane) return await adversary.never();
    const lanes = all.map((one) => one.lane);
    const encoder = new FrameEncoder(adversary.means.random.fill), decoder = new FrameDecoder();
    let first: readonly Uint8Array[] | null = all.map((one) => one.bytes);
    const plan = units(lane.direction, adversary.means.addresses.length);
    const left = plan.slice(plan.findIndex((unit) => unit.step === step));
    for (const { length } of [...left, ...Array(100).fill({ length: FRAME_HEAD_LENGTH })]) {
      const shares: readonly Uint8Array[] = first ?? await Promise.all(lanes.map((one) => one.take(length)));
      first = null;
      if (shares.some((share) => share.length < length)) break;
      await give(lanes, remade(joined(shares, 0), decoder, encoder, change) ?? adversary.means.random.bytes(length));
    }
    return [bytes.subarray(0, 0)];
  };
}

/** Changes the frames of message bytes; null if they don't decode because a share is missing. */
function remade(
  message: Uint8Array,
  decoder: FrameDecoder,
  encoder: FrameEncoder,
  change: Change,
): Uint8Array | null {
  const pieces: number[] = [];
  try {
    decoder.push(message);
    for (let frame = decoder.next(); frame !== null; frame = decoder.next()) {
      pieces.push(...change(frame, encoder) ?? []);
    }
  } catch {
    return null;
  }
  return Uint8Array.from(pieces);
}

async function give(lanes: readonly Lane[], message: Uint8Array): Promise<void> {
  const shares = lanes.map(() => new Uint8Array(message.length));
  if (lanes.length > 1) {
    xor.split(message, shares, (into) => void crypto.getRandomValues(into as Uint8Array<ArrayBuffer>));
  } else shares[0]!.set(message);
  await Promise.all(lanes.map((lane, index) => lane.give([shares[index]!])));
}

/** Encodes the same frame. */
const same: Change = (frame, encoder) => {
  switch (frame.type) {
    case FrameType.Key:
      return encoder.key();
    case FrameType.Open:
      return encoder.open(frame.open);
    case FrameType.Result:
      return encoder.result(frame.code, frame.text);
    case FrameType.Data:
      return data(frame.bytes, encoder);
    case FrameType.Ping:
      return encoder.ping(frame.payload);
    case FrameType.Pong:
      return encoder.pong(frame.payload);
    case FrameType.End:
      return encoder.end();
    case FrameType.Reset:
      return encoder.reset(frame.code);
    case FrameType.Bye:
      return encoder.bye();
    case FrameType.Workers:
      return encoder.workers(frame.workers);
  }
};

function data(bytes: Uint8Array, encoder: FrameEncoder): Uint8Array {
  const frame = new Uint8Array(FRAME_HEAD_LENGTH + bytes.length);
  encoder.dataHead(frame, bytes.length);
  frame.set(bytes, FRAME_HEAD_LENGTH);
  return frame;
}

const OTHER_PORT = { destination: { kind: "port", port: 443 } } as const;

/** Passes the first DATA, then forges END; for one direction, frame by frame. */
function endsEarly(): Change {
  let seen = 0;
  return (frame, encoder) => {
    if (frame.type === FrameType.Data && seen++ > 0) return frame.bytes.length > 0 && seen === 2 ? encoder.end() : null;
    return seen < 2 ? same(frame, encoder) : null;
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
    () => (frame, encoder) => frame.type === FrameType.Open ? encoder.open(OTHER_PORT) : same(frame, encoder),
    ({ parties }) => {
      const { says } = parties.find(({ kind, port }) => kind === "application" && port === 80)!;
      return heard(parties, "target", 443).toHex().startsWith(says.toHex());
    },
  ),
  remake(
    "ends what the application says",
    "KEY up",
    endsEarly,
    ({ parties }) =>
      parties.some(({ kind, port, end, heard }) =>
        kind === "target" && port === 80 && end === "in order" && heard.length === SAID.data
      ),
  ),
  remake(
    "ends what the target says",
    "KEY down",
    endsEarly,
    ({ parties }) =>
      parties.some(({ kind, port, end, heard }) =>
        kind === "application" && port === 80 && end === "in order" && heard.length === SAID.answer
      ),
  ),
  remake(
    "refuses the session",
    "KEY down",
    () => (frame, encoder) =>
      frame.type === FrameType.Result ? encoder.result(ResultCode.Refused) : same(frame, encoder),
    ({ clientLines }) => clientLines.some(({ reason }) => reason === "refused"),
  ),
  remake(
    "writes what the application says",
    "KEY up",
    () => (frame, encoder) =>
      frame.type === FrameType.Data ? data(new Uint8Array(frame.bytes.length).fill(65), encoder) : same(frame, encoder),
    ({ parties }) =>
      parties.some(({ kind, end, heard }) =>
        kind === "target" && end === "in order" && heard.every((byte) => byte === 65)
      ),
  ),
];
