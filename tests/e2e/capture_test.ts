import { assert, assertEquals, assertGreater } from "@std/assert";
import { RecordDecoder } from "../../src/records/record_decoder.ts";
import { FrameType } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { Capture, type TcpStream } from "../support/system/capture.ts";
import { Runs, xorOf } from "../support/system/capture_runs.ts";
import { makeTempDir, run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { CURL } from "./core.ts";
import { openInNamespaces } from "./paths.ts";

/** Lengths of the messages before the shares of three channels (docs/PROTOCOL.md 2). */
const GREETING_LENGTH = 22;
const ASSOCIATE_LENGTH = 4 + 3 * 16;

/** About 1 MB of text without repeated lines. */
const TEXT = new TextEncoder().encode(
  Array.from({ length: 16_000 }, (_, i) => `Line ${i}: nobody who owns two channels of three reads these words.`).join(
    "\n",
  ),
);

const NEEDS = ["network namespaces", "tcpdump", "curl", "nginx"];

testWith(NEEDS, "no channel, nor the XOR of any two of three, carries 8 bytes of a text in a row", async () => {
  const { channels, clear } = await captureTransfers();
  const runs = new Runs(TEXT);
  const inTheClear = clear.reduce((sum, { bytes }) => sum + runs.countIn(bytes), 0);
  assertGreater(inTheClear, 2 * (TEXT.length - 8), "The text that was sent in the clear was not found");

  const carried = channels.map((streams) => streams.reduce((sum, { bytes }) => sum + bytes.length, 0));
  carried.forEach((bytes) => assertGreater(bytes, 2 * TEXT.length));
  for (const streams of channels) for (const { bytes } of streams) assertEquals(runs.countIn(bytes), 0);

  const found = { up: "", down: "" };
  for (const { up, down } of associations(channels)) {
    for (const [direction, shares] of Object.entries({ up, down })) {
      for (const left of shares) assertEquals(runs.countIn(xorOf(shares.filter((share) => share !== left))), 0);
      found[direction as "up" | "down"] += dataIn(xorOf(shares));
    }
  }
  const text = new TextDecoder("latin1").decode(TEXT);
  assert(found.up.includes(text), "All three channels together don't give the upload back");
  assert(found.down.includes(text), "All three channels together don't give the download back");
});

/** Captures the three channels while the text is sent in both directions, through MICSS and then in the clear. */
async function captureTransfers(): Promise<{ channels: TcpStream[][]; clear: TcpStream[] }> {
  await using path = await openInNamespaces("ipv4", "127.0.0.1:8080", ["--forward", "127.0.0.1:8080=web:80"]);
  await using nginx = await startNginx([path.target, "10.77.1.2:8081"], path.far);
  await using directory = await makeTempDir();
  await Deno.writeFile(`${nginx.root}/down`, TEXT);
  await Deno.writeFile(`${directory.path}/up`, TEXT);
  await using captures = new AsyncDisposableStack();
  const running = await Promise.all(
    path.topology.devices.map(async (device) =>
      captures.use(await Capture.start(device, `${directory.path}/${device}.pcap`, path.near))
    ),
  );
  for (const address of [path.entry, "10.77.1.2:8081"]) {
    assertEquals((await run([...CURL, `http://${address}/down`], path.near)).stdout, TEXT);
    await run([...CURL, "--upload-file", `${directory.path}/up`, `http://${address}/up`], path.near);
  }
  const captured = await Promise.all(running.map((capture, i) => capture.finish(path.topology.ipv4[i]!)));
  const of = (streams: TcpStream[], port: string) =>
    streams.filter(({ from, to }) => from.endsWith(port) || to.endsWith(port));
  return { channels: captured.map((streams) => of(streams, ":6522")), clear: of(captured[0]!, ":8081") };
}

/** Each association's shares in either direction, grouped by the list of cookies that its client sent on every channel. */
function associations(channels: TcpStream[][]): { up: Uint8Array[]; down: Uint8Array[] }[] {
  const pairs = channels.flatMap((streams) =>
    streams.filter(({ to }) => to.endsWith(":6522")).map((up) => {
      const down = streams.find(({ from, to }) => from === up.to && to === up.from)!;
      return {
        list: up.bytes.subarray(0, ASSOCIATE_LENGTH).join(),
        up: up.bytes.subarray(ASSOCIATE_LENGTH),
        down: down.bytes.subarray(GREETING_LENGTH + ASSOCIATE_LENGTH),
      };
    })
  );
  return [...Map.groupBy(pairs, ({ list }) => list).values()].map((members) => {
    assertEquals(members.length, channels.length, "An association is not one connection on each channel");
    return { up: members.map(({ up }) => up), down: members.map(({ down }) => down) };
  });
}

/** Concatenates the contents of DATA frames in message bytes (docs/PROTOCOL.md 4 and 5), stream by stream. */
function dataIn(message: Uint8Array): string {
  const records = new RecordDecoder();
  const text = new TextDecoder("latin1");
  const data = new Map<number, string>();
  for (let at = 0; at < message.length;) {
    const body = records.take(message.slice(at, at += records.needed));
    if (body === null) continue;
    const frames = new FrameDecoder(body);
    for (let frame = frames.next(); frame !== null; frame = frames.next()) {
      if (frame.type !== FrameType.Data) continue;
      data.set(frame.stream, (data.get(frame.stream) ?? "") + text.decode(frame.bytes));
    }
  }
  return [...data.values()].join("");
}
