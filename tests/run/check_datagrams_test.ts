import { assertEquals, assertThrows } from "@std/assert";
import { checkClientDatagrams, checkServerDatagrams } from "../../src/run/check_datagrams.ts";
import { parseClientCommand } from "../../src/run/client_program.ts";
import { parseServerCommand } from "../../src/run/server_program.ts";
import { StartError } from "../../src/net/listen/listen.ts";

const ELSEWHERE = { ok: false, why: "needs Linux; this is darwin" } as const;

const server = (flags: string) => parseServerCommand(flags.split(" "), () => "");

const client = (flags: string, yaml = "") =>
  parseClientCommand([..."--server web=192.0.2.1,192.0.2.2 --config f".split(" "), ...flags.split(" ")], () => yaml);

Deno.test("without the C library, a server's datagrams need channels with addresses", () => {
  const any = server("--channel 192.0.2.1 --channel 0.0.0.0:6523 --udp-target 53=127.0.0.1");
  assertThrows(
    () => checkServerDatagrams(any, ELSEWHERE),
    StartError,
    "UDP at any address (0.0.0.0:6523) needs Linux; this is darwin; " +
      "give each channel an address of this machine, or no udp-targets",
  );
  checkServerDatagrams(any, { ok: true });
  checkServerDatagrams(server("--channel 192.0.2.1 --channel [2001:db8::1] --udp-target 53=127.0.0.1"), ELSEWHERE);
  checkServerDatagrams(server("--channel 192.0.2.1 --channel [::]:6523 --target 53=127.0.0.1"), ELSEWHERE);
});

Deno.test("without the C library, a client's forwards of datagrams need an address and one worker", () => {
  const any = client("--udp-forward [::]:5353=web:53");
  assertThrows(
    () => checkClientDatagrams(any, ELSEWHERE),
    StartError,
    "UDP at any address ([::]:5353) needs Linux; this is darwin; give udp-forward an address of this machine",
  );
  checkClientDatagrams(any, { ok: true });
  checkClientDatagrams(client("--udp-forward 127.0.0.1:5353=web:53"), ELSEWHERE);
  const workers = client("--udp-forward 127.0.0.1:5353=web:53", "workers: 2");
  assertEquals(workers.workers, 2);
  assertThrows(
    () => checkClientDatagrams(workers, ELSEWHERE),
    StartError,
    "udp-forward with several workers needs Linux; this is darwin; give workers: 1",
  );
  assertThrows(
    () => checkClientDatagrams(client("--udp-tproxy 127.0.0.1"), ELSEWHERE),
    StartError,
    "--udp-tproxy needs Linux; this is darwin; use --udp-forward instead",
  );
  checkClientDatagrams(client("--forward 127.0.0.1:5353=web:53", "workers: 2"), ELSEWHERE);
});
