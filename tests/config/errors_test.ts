import { assertEquals } from "@std/assert";
import { linesOf } from "./lines.ts";

const CHANNELS = "--channel 192.0.2.1 --channel 192.0.2.2";
const TARGET = "--target 80=127.0.0.1";
const SERVER = "--server web=192.0.2.1,192.0.2.2";
const FORWARD = "--forward 127.0.0.1:8080=web:80";
const many = (length: number): string[] => Array.from({ length }, (_, i) => `192.0.2.${i + 1}`);

/** Commands, arguments and messages. */
const FLAGS: ["server" | "client", string | string[], string[]][] = [
  // Flags.
  ["server", `${CHANNELS} ${TARGET}`, []],
  ["server", `${CHANNELS} --tagret 80=a`, ["micss server: --tagret: unknown flag; did you mean --target?"]],
  ["server", "--server web=a,b", ["micss server: --server: unknown flag; see micss server --help"]],
  ["server", "--hlep", ["micss server: --hlep: unknown flag; did you mean --help?"]],
  ["server", "-c x", ["micss server: -c: unknown flag; see micss server --help"]],
  ["server", "-xyz", ["micss server: -xyz: unknown flag; see micss server --help"]],
  ["server", "--no-channel", ["micss server: --no-channel: unknown flag; did you mean --channel?"]],
  ["server", "--__proto__=x", ["micss server: --__proto__: unknown flag; see micss server --help"]],
  ["server", "--channel.x=y", ["micss server: --channel.x: unknown flag; did you mean --channel?"]],
  ["server", "80=a", ['micss server: "80=a": unexpected argument; only flags are allowed']],
  ["server", "-- x", ['micss server: "x": unexpected argument; only flags are allowed']],
  // @std/cli returns arguments other than flags under this name.
  ["server", "--_=x -_ -- 1e3", [
    "micss server: --_: unknown flag; see micss server --help",
    "micss server: -_: unknown flag; see micss server --help",
    'micss server: "1e3": unexpected argument; only flags are allowed',
  ]],
  ["server", "--channel", ["micss server: --channel: missing value; write --channel HOST[:PORT]"]],
  ["server", "--channel=", ["micss server: --channel: missing value; write --channel HOST[:PORT]"]],
  ["server", `--channel ${TARGET}`, ["micss server: --channel: missing value; write --channel HOST[:PORT]"]],
  ["server", "--log-level info --log-level warn", ["micss server: --log-level: given more than once; give it once"]],
  ["server", "--config a --config b", ["micss server: --config: given more than once; give it once"]],
  ["server", "--config f.yaml", ['micss server: --config "f.yaml": no such file; give the path of a YAML file']],
  // Workers.
  ["server", `${CHANNELS} ${TARGET} --workers 2`, []],
  ["server", `${CHANNELS} ${TARGET} --workers 0`, [
    'micss server: --workers "0": number out of range; write 1 to 64',
  ]],
  ["server", `${CHANNELS} ${TARGET} --workers 65`, [
    'micss server: --workers "65": number out of range; write 1 to 64',
  ]],
  // Associations of a client.
  ["client", `${SERVER} ${FORWARD} --associations 64`, []],
  ["client", `${SERVER} ${FORWARD} --associations per-session`, []],
  ["client", `${SERVER} ${FORWARD} --associations 65`, [
    'micss client: --associations "65": number out of range; write 1 to 64',
  ]],
  ["client", `${SERVER} ${FORWARD} --associations per-sesion`, [
    'micss client: --associations "per-sesion": neither a number nor per-session; did you mean per-session?',
  ]],
  ["client", `${SERVER} ${FORWARD} --associations none`, [
    'micss client: --associations "none": neither a number nor per-session; write 1 to 64, or per-session',
  ]],
  ["server", `--channel 192.0.2.1:65533 --channel 192.0.2.2:65532 ${TARGET} --workers 4`, [
    'micss server: --channel "192.0.2.1:65533": 4 workers need 4 ports from 65533; give a port up to 65532',
  ]],
  ["server", `--channel 192.0.2.1:0 --channel 192.0.2.2 ${TARGET} --workers 2`, [
    'micss server: --channel "192.0.2.1:0": port 0 needs a single worker; give a fixed port',
  ]],
  ["client", `${SERVER} --forward 127.0.0.1:0=web:80`, []],
  ["client", `${SERVER} --forward 127.0.0.1:0=web:80 --workers 2`, [
    'micss client: --forward "127.0.0.1:0=web:80": port 0 needs a single worker; give a fixed port',
  ]],
  // Values.
  ["server", `${CHANNELS} --channel 192.0.2 ${TARGET}`, [
    'micss server: --channel "192.0.2": not an IPv4 address; write four numbers from 0 to 255, such as 192.0.2.1',
  ]],
  ["client", `${SERVER} --redirect 6522`, [
    'micss client: --redirect "6522": missing host; write HOST:6522, such as 127.0.0.1:6522',
  ]],
  ["server", `${CHANNELS},192.0.2.3 ${TARGET}`, [
    'micss server: --channel "192.0.2.2,192.0.2.3": not an address; give one at a time',
  ]],
  ["server", `${CHANNELS} --channel 2001:db8::1 ${TARGET}`, [
    'micss server: --channel "2001:db8::1": not an address; write an IPv6 address as [2001:db8::1]',
  ]],
  ["server", `${CHANNELS} --channel a:70000 ${TARGET}`, [
    'micss server: --channel "a:70000": not a port: "70000"; write a number from 0 to 65535',
  ]],
  ["server", `${CHANNELS} --target 80`, [
    'micss server: --target "80": not a target; write PORT=HOST:PORT, PORT=HOST or *=HOST',
  ]],
  ["server", `${CHANNELS} --target http=a`, [
    'micss server: --target "http=a": not a port: "http"; write a number from 0 to 65535',
  ]],
  ["server", `${CHANNELS} --target 0=a`, [
    'micss server: --target "0=a": port 0 is not allowed: "0"; write a port from 1 to 65535',
  ]],
  ["server", `${CHANNELS} --target 80=a:0`, [
    'micss server: --target "80=a:0": port 0 is not allowed: "a:0"; write a port from 1 to 65535',
  ]],
  ["server", `${CHANNELS} ${TARGET} --log-level inof`, [
    'micss server: --log-level "inof": unknown log level; did you mean info?',
  ]],
  ["server", `${CHANNELS} ${TARGET} --log-format xml`, [
    'micss server: --log-format "xml": unknown log format; write text or json',
  ]],
  ["client", `--server web ${FORWARD}`, ['micss client: --server "web": not a server; write NAME=HOST,HOST']],
  ["client", `--server w_b=a,b ${FORWARD}`, [
    'micss client: --server "w_b=a,b": not a server name: "w_b"; use letters, digits, dots and dashes',
  ]],
  ["client", `--server web=a,b: ${FORWARD}`, [
    'micss client: --server "web=a,b:": not an address: "b:"; write HOST:PORT',
  ]],
  ["client", `--server web=a,b:0 ${FORWARD}`, [
    'micss client: --server "web=a,b:0": port 0 is not allowed: "b:0"; write a port from 1 to 65535',
  ]],
  ["client", `${SERVER} --forward 127.0.0.1:8080`, [
    'micss client: --forward "127.0.0.1:8080": not a forward; write HOST:PORT=NAME:PORT',
  ]],
  ["client", `${SERVER} --forward 127.0.0.1=web:80`, [
    'micss client: --forward "127.0.0.1=web:80": missing port: "127.0.0.1"; write 127.0.0.1:PORT',
  ]],
  ["client", `${SERVER} --forward a:1=web:http`, [
    'micss client: --forward "a:1=web:http": not a port: "http"; write a number from 0 to 65535',
  ]],
  ["client", `${SERVER} --redirect [::`, ['micss client: --redirect "[::": not an address; write HOST:PORT']],
  // Several mistakes at once, each on its own line.
  ["server", "--channel a: --target b --log-level c", [
    'micss server: --channel "a:": not an address; write HOST:PORT',
    'micss server: --target "b": not a target; write PORT=HOST:PORT, PORT=HOST or *=HOST',
    'micss server: --log-level "c": unknown log level; write debug, info, quiet, warn or error',
  ]],
  // A value can't forge a line, or reverse the terminal's text.
  ["server", ["--channel", "a\nmicss: all is well\u202e\u2028\x1b[2J"], [
    'micss server: --channel "a\\nmicss: all is well\\u{202e}\\u{2028}\\u001b[2J": not an address; write HOST:PORT',
  ]],
  // Rules between values.
  ["server", "", [
    "micss server: no channels; give 2 to 16, each at its own address",
    "micss server: no target; give at least one, such as 80=127.0.0.1:8080",
  ]],
  ["server", `--channel 192.0.2.1 ${TARGET}`, [
    "micss server: --channel: only one channel; give 2 to 16, each at its own address",
  ]],
  ["server", [...many(16).map((host) => `--channel=${host}`), ...TARGET.split(" ")], []],
  ["server", [...many(17).map((host) => `--channel=${host}`), ...TARGET.split(" ")], [
    "micss server: --channel: 17 channels; give 2 to 16, each at its own address",
  ]],
  ["server", `--channel 192.0.2.1:1 --channel 192.0.2.1:2 ${TARGET}`, [
    'micss server: --channel "192.0.2.1:2": two channels use 192.0.2.1, and so one path; give each its own address',
  ]],
  ["server", `--channel [::ffff:192.0.2.1] --channel 192.0.2.1 ${TARGET}`, [
    'micss server: --channel "192.0.2.1": two channels use 192.0.2.1, and so one path; give each its own address',
  ]],
  ["server", `--channel [::] --channel 0.0.0.0 ${TARGET}`, [
    'micss server: --channel "0.0.0.0": [::]:6522 already covers 0.0.0.0:6522; remove 0.0.0.0:6522 or change its port',
  ]],
  ["server", `--channel 192.0.2.1 --channel [::] ${TARGET}`, [
    'micss server: --channel "[::]": [::]:6522 already covers 192.0.2.1:6522; remove 192.0.2.1:6522 or change its port',
  ]],
  ["server", `--channel 192.0.2.1 --channel 0.0.0.0:7000 ${TARGET}`, []],
  ["server", `--channel a.example --channel A.example. ${TARGET}`, [
    'micss server: --channel "A.example.": two channels use a.example., and so one path; give each its own address',
  ]],
  ["server", `${CHANNELS} --target 80=a --target *=b --target 80=c --target *=d`, [
    'micss server: --target "80=c": port 80 has two targets; give each port only one',
    'micss server: --target "*=d": port * has two targets; give each port only one',
  ]],
  ["client", "", [
    "micss client: no server; give at least one as NAME=HOST,HOST or a key to identify one with, or join one with micss join",
    "micss client: no ingress; give at least one, such as forward HOST:PORT=NAME:PORT or redirect HOST:PORT",
  ]],
  ["client", `--server web=a ${FORWARD}`, [
    'micss client: --server "web=a": only one channel; give 2 to 16, each at its own address',
  ]],
  ["client", `--server web=a:1,[2001:db8::1]:1,[2001:db8:0::1]:2 ${FORWARD}`, [
    'micss client: --server "web=a:1,[2001:db8::1]:1,[2001:db8:0::1]:2": two channels use 2001:db8:0::1, and so one path; give each its own address',
  ]],
  ["client", `--server web=127.0.0.1,0.0.0.0 ${FORWARD}`, [
    'micss client: --server "web=127.0.0.1,0.0.0.0": two channels use 0.0.0.0, and so one path; give each its own address',
  ]],
  ["client", `--server web=[::],[::1]:7000 ${FORWARD}`, [
    'micss client: --server "web=[::],[::1]:7000": two channels use ::1, and so one path; give each its own address',
  ]],
  ["client", `--server web=[fe80::1%eth0],[FE80:0::1%eth0] ${FORWARD}`, [
    'micss client: --server "web=[fe80::1%eth0],[FE80:0::1%eth0]": two channels use fe80:0::1%eth0, and so one path; give each its own address',
  ]],
  ["client", `--server web=[fe80::1%eth0],[fe80::1%eth1] ${FORWARD}`, [
    'micss client: --server "web=[fe80::1%eth0],[fe80::1%eth1]": only their zones tell two channels at fe80::1 apart; ' +
    "give each its own address",
  ]],
  ["client", `${SERVER} --forward [fe80::1]:1=web:80`, [
    'micss client: --forward "[fe80::1]:1=web:80": link-local address without its device: "[fe80::1]:1"; ' +
    "write one such as [fe80::1%eth0]",
  ]],
  ["client", `--server web=[fe80::1],192.0.2.1 ${FORWARD}`, [
    'micss client: --server "web=[fe80::1],192.0.2.1": link-local address without its device: "[fe80::1]"; ' +
    "write one such as [fe80::1%eth0]",
  ]],
  ["server", `--channel [fe80::1] --channel 192.0.2.1 ${TARGET} --udp-target 53=[fe80::2]`, [
    'micss server: --channel "[fe80::1]": link-local address without its device; write one such as [fe80::1%eth0]',
    'micss server: --udp-target "53=[fe80::2]": link-local address without its device: "[fe80::2]"; ' +
    "write one such as [fe80::2%eth0]",
  ]],
  ["server", `--channel [fe80::1%eth0] --channel 192.0.2.1 ${TARGET} --key k`, [
    'micss server: --channel "[fe80::1%eth0]": a link-local address can\'t be announced; ' +
    "give the public addresses with announce",
  ]],
  ["server", `${CHANNELS} ${TARGET} --announce 192.0.2.1 --announce [fe80::1%eth0]`, [
    'micss server: --announce "[fe80::1%eth0]": a link-local address can\'t be announced: fe80::1%eth0; ' +
    "give one that has no zone",
  ]],
  ["client", `${SERVER} --server web=a,b ${FORWARD}`, [
    'micss client: --server "web=a,b": two servers are named web; give each its own name',
  ]],
  ["client", `${SERVER} --forward a:1=wbe:80`, [
    'micss client: --forward "a:1=wbe:80": no server is named wbe; did you mean web?',
  ]],
  ["client", `${SERVER} --server db=a,b --forward a:1=mail:25`, [
    'micss client: --forward "a:1=mail:25": no server is named mail; known: web, db',
  ]],
  ["client", `${SERVER} ${FORWARD} --forward 127.0.0.1:8080=web:81 --redirect [::]:0 --redirect [::]:0`, [
    'micss client: --forward "127.0.0.1:8080=web:81": two listeners use 127.0.0.1:8080; give each its own port',
  ]],
  ["client", `${SERVER} --forward [::]:6522=web:80 --redirect [0::0]`, [
    'micss client: --redirect "[0::0]": two listeners use [0::0]:6522; give each its own port',
  ]],
];

Deno.test("each mistake in the flags is reported on one line", () => {
  for (const [command, args, lines] of FLAGS) assertEquals(linesOf(command, args), lines, `${command} ${args}`);
});
