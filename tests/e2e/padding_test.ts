/** The sizes and times that one channel shows of real programs, with padding and without: tcpdump, curl, nc. */
import { assert, assertEquals } from "@std/assert";
import { Program, run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { startTarget } from "../support/programs/peer.ts";
import { CURL } from "./core.ts";
import { openInNamespaces } from "./paths.ts";

const NEEDS = ["network namespaces", "tcpdump"];

/** Head of a record, and the smallest class of its body. */
const SMALLEST = 35 + 512;

/** Lengths of paths that are requested: any of them could be what someone looks for. */
const PATHS = [1, 2, 3, 17, 40, 77, 120, 250];

/** Number of requests for each: an acknowledgement that leaves with one changes its length. */
const TIMES = 3;

/** Length of a path that marks the end: no other one needs a longer packet than the smallest. */
const END = 900;

/** Opens a path whose client pads. */
function open(padding: string) {
  return openInNamespaces("ipv4", "127.0.0.1:8080", ["--forward", "127.0.0.1:8080=web:80", "--padding", padding]);
}

/** Watches the client's packets on the first channel. */
async function watch(path: Awaited<ReturnType<typeof open>>) {
  const filter = ["tcp", "dst", "port", "6522"];
  const program = Program.start(["tcpdump", "-i", path.topology.devices[0]!, "-n", "-l", "-tt", ...filter], path.near);
  await program.waitForLine(/listening on/);
  /** Times in seconds and lengths of the packets that carry shares, the first of an association aside. */
  const packets = () =>
    program.lines.flatMap((line) => {
      const match = /^(\d+\.\d+) IP .*length (\d+)$/.exec(line);
      return match === null || match[2] === "0" ? [] : [{ time: Number(match[1]), length: Number(match[2]) }];
    });
  return { program, packets };
}

/** Requests paths of several lengths. @returns The lengths of the client's packets that carried the requests. */
async function requestLengths(padding: string): Promise<number[]> {
  await using path = await open(padding);
  await using _nginx = await startNginx([path.target], path.far);
  const get = (length: number) =>
    run([...CURL.filter((flag) => flag !== "--fail"), `http://${path.entry}/${"a".repeat(length)}`], path.near);
  await get(5);
  const { program, packets } = await watch(path);
  await using _ = program;
  for (let time = 0; time < TIMES; time++) for (const length of PATHS) await get(length);
  await get(END);
  const isEnd = ({ length }: { length: number }) => length > SMALLEST;
  await program.waitForLine(() => packets().some(isEnd), "end of the requests");
  const all = packets();
  return all.slice(0, all.findIndex(isEnd)).map(({ length }) => length);
}

testWith(
  [...NEEDS, "curl", "nginx"],
  "one channel tells the lengths of requests without padding, and not with it",
  async () => {
    const open = await requestLengths("off");
    // Each request is DATA in a record of its own: the lengths of paths can be read off.
    const differences = new Set(open);
    const [shortest] = [...differences].filter((length) => differences.has(length + 1) && differences.has(length + 2));
    for (const length of PATHS) assert(differences.has(shortest! + length - 1), `${length} in ${open}`);
    assertEquals(new Set(await requestLengths("sizes")), new Set([SMALLEST]));
  },
);

testWith([...NEEDS, "nc"], "one channel shows that someone types, and not which key when, with a beat", async () => {
  await using path = await open("beat");
  await using _target = await startTarget("hold", path.target, path.far);
  const nc = new Deno.Command(path.near.within![0]!, {
    args: [...path.near.within!.slice(1), "nc", "127.0.0.1", "8080"],
    stdin: "piped",
    stdout: "null",
  }).spawn();
  const keyboard = nc.stdin.getWriter();
  const { program, packets } = await watch(path);
  await using _ = program;
  const pauses = [3, 50, 90, 31, 7, 140];
  for (const pause of pauses) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    await keyboard.write(Uint8Array.of(97));
  }
  // Behind the list, and KEY with OPEN.
  const beats = () => packets().filter(({ length }) => length !== 52 && length !== SMALLEST + 48);
  await program.waitForLine(() => beats().length > 0, "a write of a beat");
  // The keys are hit, and the beat goes on; how fast is up to a busy machine.
  const typed = beats().length;
  await program.waitForLine(() => beats().length >= typed + 3, "three more writes");
  assertEquals(new Set(beats().map(({ length }) => length)), new Set([SMALLEST]));
  await keyboard.close();
  nc.kill("SIGKILL");
  await nc.status;
});
