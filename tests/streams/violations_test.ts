/** Every violation of docs/PROTOCOL.md 5.4 aborts the association, and nothing behind it is used. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { ChannelError } from "../../src/association/channel_error.ts";
import { RecordError } from "../../src/records/record_decoder.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { FRAME_HEAD_LENGTH, FrameType, MAX_CREDIT, ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { encode, writeFrameHead } from "../../src/wire/frame_encoder.ts";
import { dataFrame } from "../support/wire/frames.ts";
import { OPEN } from "../support/handlers/session_pair.ts";
import { byHand, open, quiet } from "./sides.ts";

const BYTES = Uint8Array.of(1, 2, 3);
const WORKERS = { count: 2, id: new Uint8Array(16) };
const { Ok } = ResultCode;

/** A frame of any type, stream and length, with a body of zeros. */
function frame(type: number, stream: number, length: number): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEAD_LENGTH + length);
  writeFrameHead(bytes, 0, type, stream, length);
  return bytes;
}

/** Records that violate the protocol on an association whose stream 1 is open and answered, and the error's words. */
type Violations = Readonly<Record<string, [message: RegExp, ...records: Uint8Array[][]]>>;

/** A CREDIT that leaves the credit of a stream below its maximum. */
const MOST_CREDIT = MAX_CREDIT - 65_536;

const BY_EITHER: Violations = {
  "an unknown type": [/unknown type 22/, [frame(22, 1, 0)]],
  "type 0": [/unknown type 0/, [frame(0, 0, 0)]],
  "a head that is cut": [/within a frame's head/, [encode.end(1).subarray(0, 6)]],
  "a body that is cut": [/ends within DATA/, [dataFrame(1, BYTES).subarray(0, 9)]],
  "bytes behind the last frame": [/within a frame's head/, [encode.ping(), Uint8Array.of(6)]],
  "DATA without a byte": [/DATA of 0 bytes/, [frame(FrameType.Data, 1, 0)]],
  "END with a body": [/END of 1 bytes/, [frame(FrameType.End, 1, 1)]],
  "RESET without a code": [/RESET of 0 bytes/, [frame(FrameType.Reset, 1, 0)]],
  "a PING of 9 bytes": [/PING of 9 bytes/, [frame(FrameType.Ping, 0, 9)]],
  "DATA on stream 0": [/DATA without a stream/, [frame(FrameType.Data, 0, 5)]],
  "PING on a stream": [/PING on a stream/, [frame(FrameType.Ping, 1, 0)]],
  "an unknown code of RESET": [/RESET with unknown code 9/, [encode.reset(1, 9 as ResetCode)]],
  "a CREDIT of 0": [/CREDIT of 0/, [encode.credit(1, 0)]],
  "a credit above its maximum, at once": [/CREDIT beyond/, [encode.credit(1, MOST_CREDIT + 1)]],
  "a credit above its maximum, in two": [/CREDIT beyond/, [encode.credit(1, MOST_CREDIT)], [encode.credit(1, 1)]],
  "WORKERS behind another frame": [/WORKERS that is not the first/, [encode.workers(WORKERS)]],
  "DATA behind END": [/DATA behind END/, [encode.end(1)], [dataFrame(1, BYTES)]],
  "DATA behind END, in one record": [/DATA behind END/, [encode.end(1), dataFrame(1, BYTES)]],
  "END behind END": [/END behind END/, [encode.end(1)], [encode.end(1)]],
  "DATA on a stream that was never opened": [/never opened/, [dataFrame(2, BYTES)]],
  "END on a stream that was never opened": [/never opened/, [encode.end(7)]],
  "RESET on a stream that was never opened": [/never opened/, [encode.reset(2, ResetCode.Limit)]],
  "CREDIT on a stream that was never opened": [/never opened/, [encode.credit(2 ** 32 - 1, 1)]],
  "BLOCKED on a stream that was never opened": [/never opened/, [encode.blocked(2)]],
};

const BY_CLIENT: Violations = {
  "an OPEN that skips a number": [/OPEN out of order/, [encode.open(3, OPEN)]],
  "an OPEN of a number that was used": [/OPEN out of order/, [encode.open(1, OPEN)]],
  "an OPEN of a stream that is over": [/out of order/, [encode.reset(1, ResetCode.Limit)], [encode.open(1, OPEN)]],
  "a malformed OPEN": [/OPEN/, [frame(FrameType.Open, 2, 4)]],
  "an OPEN of 277 bytes": [/OPEN of 277 bytes/, [frame(FrameType.Open, 2, 277)]],
  "an OPEN above the limit": [
    /beyond the number of streams granted/,
    Array.from({ length: 128 }, (_, index) => encode.open(index + 2, OPEN)),
  ],
  "RESULT": [/RESULT where it is not allowed/, [encode.result(1, Ok)]],
  "BYE": [/BYE where it is not allowed/, [encode.bye(1)]],
  "STREAMS": [/STREAMS where it is not allowed/, [encode.streams(500)]],
};

const BY_SERVER: Violations = {
  "OPEN": [/OPEN where it is not allowed/, [encode.open(2, OPEN)]],
  "a second RESULT": [/RESULT where none was due/, [encode.result(1, Ok)]],
  "a refusal behind RESULT": [/RESULT where none was due/, [encode.result(1, ResultCode.Refused)]],
  "an unknown code of RESULT": [/RESULT with unknown code 6/, [encode.result(1, 6 as ResultCode)]],
  "a RESULT of 202 bytes": [/RESULT of 202 bytes/, [frame(FrameType.Result, 1, 202)]],
  "RESULT on a stream that was never opened": [/never opened/, [encode.result(2, Ok)]],
  "a second BYE": [/BYE where it is not allowed/, [encode.bye(1)], [encode.bye(1)]],
  "BYE below a stream that was answered": [/RESULT where none was due/, [encode.bye(0)]],
  "a lower STREAMS": [/STREAMS below/, [encode.streams(200)], [encode.streams(199)]],
  "STREAMS below the first limit": [/STREAMS below/, [encode.streams(127)]],
};

for (const role of ["server", "client"] as const) {
  const all = { ...BY_EITHER, ...role === "server" ? BY_CLIENT : BY_SERVER };
  for (const [what, [message, ...records]] of Object.entries(all)) {
    Deno.test(`${what} from the ${role === "server" ? "client" : "server"} aborts the association`, async () => {
      const { side, peer, finish } = await byHand(role, { maxStreams: () => 128 });
      if (role === "client") open(side);
      await peer.send(role === "client" ? encode.result(1, Ok) : encode.open(1, OPEN));
      await quiet();
      const [receiver] = side.receivers;
      for (const [index, frames] of records.entries()) {
        assertEquals(side.association.ended, false, `before record ${index + 1}`);
        await peer.send(...frames);
        await quiet();
      }
      const { fault } = side.association;
      assertInstanceOf(fault, WireError);
      assert(message.test(fault.message), fault.message);
      assertEquals([side.association.ended, side.streams.size, side.streams.usable], [true, 0, false]);
      // Nothing of a violation has arrived.
      assertEquals(receiver!.bytes, new Uint8Array());
      const last = receiver!.events.at(-1);
      assert(last === fault.message || receiver!.stream.over && what.includes("is over"), `${last}`);
      assertEquals(side.counters.refusedRecords, 0);
      assertInstanceOf(await peer.ended, ChannelError);
      await finish();
    });
  }
}

for (const name of ["DATA", "END", "CREDIT", "BLOCKED", "RESET"] as const) {
  Deno.test(`${name} before RESULT aborts the association`, async () => {
    const frames = {
      DATA: dataFrame(1, BYTES),
      END: encode.end(1),
      CREDIT: encode.credit(1, 5),
      BLOCKED: encode.blocked(1),
      RESET: encode.reset(1, ResetCode.Application),
    };
    const { side, peer, finish } = await byHand("client");
    open(side);
    await peer.send(frames[name]);
    await quiet();
    const { fault } = side.association;
    assertInstanceOf(fault, WireError);
    assert(fault.message.includes(`${name} `), fault.message);
    assertEquals([side.receivers[0]!.events, side.receivers[0]!.bytes.length], [[fault.message], 0]);
    await finish();
  });
}

for (const role of ["server", "client"] as const) {
  Deno.test(`one byte beyond the credit aborts the association of the ${role}, and is not used`, async () => {
    for (const together of [true, false]) {
      const { side, peer, finish } = await byHand(role);
      if (role === "client") open(side);
      await peer.send(role === "client" ? encode.result(1, Ok) : encode.open(1, OPEN));
      await quiet();
      const receiver = side.receivers[0]!;
      Object.defineProperty(receiver, "reads", { value: false });
      const whole = [dataFrame(1, new Uint8Array(65_000)), dataFrame(1, new Uint8Array(536))];
      for (const frame of whole.slice(0, together ? 1 : 2)) await peer.send(frame);
      await quiet();
      assertEquals(side.association.ended, false);
      await peer.send(...together ? whole.slice(1) : [], dataFrame(1, BYTES.subarray(0, 1)));
      await quiet();
      assert(/beyond the stream's credit/.test(`${side.association.fault?.message}`), `${side.association.fault}`);
      assertEquals(receiver.bytes.length, 65_536);
      await finish();
    }
  });
}

Deno.test("a wrong record aborts the association, is counted, and nothing of it or behind it is used", async () => {
  for (const at of [0, 5, 20, 34, 35, 48]) {
    const { side, peer, client, finish } = await byHand("server");
    await peer.send(encode.open(1, OPEN));
    await quiet();
    // A flip on one channel.
    const write = client.connections[1]!.write.bind(client.connections[1]);
    let flipped = false;
    client.connections[1]!.write = (bytes) => {
      if (!flipped) bytes[at]! ^= 4;
      flipped = true;
      return write(bytes);
    };
    await peer.send(dataFrame(1, new Uint8Array(200)), encode.open(2, OPEN));
    await peer.send(dataFrame(1, BYTES)).catch(() => {});
    await quiet();
    const receiver = side.receivers[0]!;
    // With a larger length, a receiver may wait for bytes that never come, but no record of that length is right.
    assertInstanceOf(side.association.fault, RecordError, `byte ${at}`);
    assertEquals([side.counters.refusedRecords, receiver.bytes.length, side.receivers.length], [1, 0, 1]);
    assertEquals(receiver.events, [side.association.fault.message]);
    await finish();
  }
});
