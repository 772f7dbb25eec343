/** Running `ip`: what it is asked, and what its failures mean. */
import { assertEquals, assertRejects } from "@std/assert";
import { putRoutes, removeRoutes, RoutesError, verifyRoutes } from "../../src/routes/mod.ts";
import type { Ip } from "../../src/routes/ip.ts";
import { planRoutes } from "../../src/routes/plan.ts";
import { CHANNELS, LAPTOP } from "./machine.ts";

/** An `ip` that answers questions, and fails at a command if told so. */
function fakeIp({ failing = {}, answers = {} }: {
  failing?: Record<string, string>;
  answers?: Record<string, unknown>;
} = {}) {
  const inputs: string[] = [], questions: string[] = [];
  const ip: Ip = {
    run(args, input = "") {
      const words = args.filter((arg) => !arg.startsWith("-")).join(" ");
      if (args.includes("-json") && input !== "") {
        questions.push(input);
        return Promise.resolve({ success: true, stdout: input.replace(/^.*$/gm, "[]"), stderr: "" });
      }
      const found = Object.entries(failing).find(([start]) => (input || words).includes(start));
      if (input !== "") inputs.push(input);
      const stdout = JSON.stringify(answers[words] ?? []);
      return Promise.resolve({ success: found === undefined, stdout, stderr: found?.[1] ?? "" });
    },
  };
  return { ip, inputs, questions };
}

const OPTIONS = { side: "client", families: ["ipv4"] } as const;

Deno.test("a command that fails is named, with the kernel's reason, after another attempt", async () => {
  const stderr = "RTNETLINK answers: File exists\nCommand failed -:2\n";
  const { ip, inputs } = fakeIp({ failing: { "rule add": stderr } });
  await assertRejects(
    () => putRoutes(CHANNELS, { ip, ...OPTIONS }),
    RoutesError,
    "ip -4 route add unreachable default metric 4000000000 table 6522002 proto 65 failed: File exists",
  );
  assertEquals(inputs.length, 2);
});

Deno.test("a lack of rights has its remedy", async () => {
  const { ip } = fakeIp({
    failing: { "rule add": "RTNETLINK answers: Operation not permitted\nCommand failed -:1\n" },
  });
  await assertRejects(() => putRoutes(CHANNELS, { ip, ...OPTIONS }), RoutesError, "run it as root");
});

Deno.test("an ip without JSON is named", async () => {
  const ip: Ip = { run: () => Promise.resolve({ success: true, stdout: "inet 127.0.0.1/8", stderr: "" }) };
  await assertRejects(() => removeRoutes({ ip, ...OPTIONS }), RoutesError, "install iproute2 5.0 or newer");
  const busybox: Ip = {
    run: () => Promise.resolve({ success: false, stdout: "", stderr: "ip: unrecognized option '-N'\n\nUsage: ip" }),
  };
  await assertRejects(() => removeRoutes({ ip: busybox, ...OPTIONS }), RoutesError, "unrecognized option '-N'");
});

Deno.test("a question without an answer is an error, and one that fails is named", async () => {
  const answering = (success: boolean, stdout: string, stderr = ""): Ip => ({
    run: () => Promise.resolve({ success, stdout, stderr }),
  });
  const partial = answering(true, "[]\n[]\n[]\n");
  await assertRejects(() => removeRoutes({ ip: partial, ...OPTIONS }), RoutesError, "install iproute2 5.0 or newer");
  const failing = answering(false, "[]\n", "RTNETLINK answers: Invalid argument\nCommand failed -:2\n");
  await assertRejects(
    () => removeRoutes({ ip: failing, ...OPTIONS }),
    RoutesError,
    "ip -4 route show table main failed: Invalid argument",
  );
});

Deno.test("nothing but one question for each version of IP is run if there is nothing to change", async () => {
  const { ip, inputs, questions } = fakeIp();
  assertEquals(await removeRoutes({ ip, ...OPTIONS, families: ["ipv4", "ipv6"] }), 0);
  assertEquals([inputs, questions.length], [[], 2]);
});

Deno.test("a way that the kernel does not take is a complaint, and one that is down is none", async () => {
  const { ways } = planRoutes("client", CHANNELS, LAPTOP);
  const by = (dev: string, table: string) => [{ dev, table }];
  const right = {
    "route get 192.0.2.10": by("wlan0", "6522001"),
    "route get 192.0.2.10 from 192.168.1.5": by("wlan0", "6522001"),
    "route get 198.51.100.10": by("lte0", "6522002"),
    "route get 198.51.100.10 from 10.64.0.2": by("lte0", "6522002"),
  };
  assertEquals(await verifyRoutes(fakeIp({ answers: right }).ip, ways), []);
  const name = "channel 2 of web (198.51.100.10:6522 via 10.64.0.2): ip route get 198.51.100.10";
  const end = "see which rule of ip rule comes before ours";
  const wrong: [Record<string, unknown>, string][] = [
    [{ "route get 198.51.100.10": by("wlan0", "100") }, " leads by wlan0, table 100, not by lte0, table 6522002"],
    [{ "route get 198.51.100.10": [{ dev: "lte0" }] }, " leads by lte0, table 254, not by lte0, table 6522002"],
    [
      { "route get 198.51.100.10 from 10.64.0.2": by("lte0", "100") },
      " from 10.64.0.2 leads by lte0, table 100, not by lte0, table 6522002",
    ],
  ];
  for (const [answers, complaint] of wrong) {
    assertEquals(await verifyRoutes(fakeIp({ answers: { ...right, ...answers } }).ip, ways), [
      `${name}${complaint}; ${end}`,
    ]);
  }
  const refused = fakeIp({ answers: right, failing: { "route get 198": "RTNETLINK answers: No route to host\n" } });
  assertEquals(await verifyRoutes(refused.ip, ways), [`${name}: No route to host; ${end}`]);
  const down = planRoutes("client", CHANNELS, {
    ...LAPTOP,
    main: LAPTOP.main.filter(({ device }) => device !== "lte0"),
  });
  assertEquals(await verifyRoutes(refused.ip, down.ways), []);
  assertEquals(await verifyRoutes(fakeIp({ answers: right }).ip, down.ways), [
    `${name} leads by lte0, table 6522002, not nowhere; ${end}`,
  ]);
});
