import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { encodeAddress } from "../../src/wire/addresses.ts";
import {
  formatInvitation,
  type Invitation,
  invitationId,
  invitationKey,
  isName,
  MAX_LINE_LENGTH,
  parseInvitation,
} from "../../src/wire/invitation.ts";
import vectors from "../../docs/vectors.json" with { type: "json" };
import { bytes, fc, record } from "../support/random/property.ts";

const INVITATION: Invitation = {
  server: "web",
  channels: [
    { address: Uint8Array.of(192, 0, 2, 10), port: 6522 },
    { address: Uint8Array.of(198, 51, 100, 10), port: 7000 },
  ],
  serverKey: new Uint8Array(32).fill(1),
  token: new Uint8Array(32).fill(2),
  expires: Date.UTC(2027, 0, 1),
};

const address = record({ address: fc.oneof(bytes(4, 4), bytes(16, 16)), port: fc.integer({ min: 1, max: 65535 }) })
  .filter(({ address }) => address.some((byte) => byte !== 0));
const invitations: fc.Arbitrary<Invitation> = record({
  server: fc.stringMatching(/^[a-z]([a-z0-9-]{0,61}[a-z])?$/),
  channels: fc.uniqueArray(address, { minLength: 2, maxLength: 16, selector: ({ address }) => address.toHex() }),
  serverKey: bytes(32, 32),
  token: bytes(32, 32),
  expires: fc.nat(4_000_000_000).map((seconds) => seconds * 1000),
});

Deno.test("the vectors' lines have the contents, ids and keys, and are formatted the same", () => {
  for (const { line, token, serverKey, server, channels, expires, id, key, name } of vectors.invitation) {
    const parsed = parseInvitation(line);
    assertEquals([parsed.server, parsed.expires], [server, expires * 1000], name);
    assertEquals([parsed.token.toHex(), parsed.serverKey.toHex()], [token, serverKey], name);
    assertEquals(parsed.channels.map((channel) => encodeAddress(channel).toHex()), channels, name);
    assertEquals([invitationId(parsed).toHex(), invitationKey(parsed).toHex()], [id, key], name);
    assertEquals(formatInvitation(parsed), line, name);
  }
});

Deno.test("the vectors' invalid lines are refused, with nothing of them in the message", () => {
  for (const { line, name } of vectors.invalidInvitation) {
    const { message } = assertThrows(() => parseInvitation(line), SyntaxError, undefined, name);
    for (const word of line.split(" ").slice(1)) assert(!message.includes(word.slice(0, 6)), name);
  }
});

Deno.test("every invitation reads back from its line, which is short, however a mail program wraps it", () => {
  fc.assert(fc.property(invitations, fc.integer({ min: 1, max: 80 }), (invitation, width) => {
    const line = formatInvitation(invitation);
    assert(line.length <= 620 && /^micss-invite-v1 [\w-]+$/.test(line));
    assertEquals(parseInvitation(line), invitation);
    const [kind, rest = ""] = line.split(" ");
    const wrapped = rest.match(new RegExp(`.{1,${width}}`, "g"))!.join("\r\n ");
    if (wrapped.length < MAX_LINE_LENGTH - 30) assertEquals(parseInvitation(`\n ${kind}\n${wrapped}\n`), invitation);
  }));
});

Deno.test("a line that is cut, or has another character anywhere, is refused", () => {
  const line = formatInvitation(INVITATION);
  for (let at = 0; at < line.length; at++) {
    assertThrows(() => parseInvitation(line.slice(0, at)), SyntaxError);
    const other = line[at] === "A" ? "Q" : "A";
    assertThrows(() => parseInvitation(line.slice(0, at) + other + line.slice(at + 1)), SyntaxError);
  }
  assertThrows(() => parseInvitation(line.repeat(10)), SyntaxError, "not an invitation");
});

Deno.test("the message says what to do", () => {
  const cases: [string, string][] = [
    ["", "not an invitation: paste the whole line that micss invite printed, from micss-invite-v1 on"],
    ["hello there", "not an invitation: paste the whole line that micss invite printed, from micss-invite-v1 on"],
    ["micss-invite-v9 AAAA", "not an invitation: made by another version of micss; use that version"],
    ["micss-invite-v1 AAAA", "the invitation is truncated or altered; copy the whole line again"],
  ];
  for (const [line, message] of cases) {
    assertEquals(assertThrows(() => parseInvitation(line), SyntaxError).message, message);
  }
});

Deno.test("the id depends on the token alone, the key on everything in the line", () => {
  const changed: Partial<Invitation>[] = [
    { server: "web2" },
    { channels: INVITATION.channels.toReversed() },
    { serverKey: new Uint8Array(32).fill(3) },
    { expires: INVITATION.expires + 1000 },
  ];
  for (const change of changed) {
    const other = { ...INVITATION, ...change };
    assertEquals(invitationId(other), invitationId(INVITATION));
    assertNotEquals(invitationKey(other), invitationKey(INVITATION));
  }
  const other = { ...INVITATION, token: new Uint8Array(32).fill(4) };
  assertNotEquals(invitationId(other), invitationId(INVITATION));
  assertNotEquals(invitationKey(other), invitationKey(INVITATION));
});

Deno.test("an invitation that could not be read back is not formatted", () => {
  const wrong: Partial<Invitation>[] = [
    { server: "" },
    { server: "a/b" },
    { server: "a".repeat(64) },
    { channels: INVITATION.channels.slice(1) },
    { channels: [INVITATION.channels[0]!, INVITATION.channels[0]!] },
    { channels: [...INVITATION.channels, { address: new Uint8Array(4), port: 1 }] },
    { token: new Uint8Array(31) },
    { expires: 253_402_300_800_000 },
  ];
  for (const change of wrong) assertThrows(() => formatInvitation({ ...INVITATION, ...change }), RangeError);
});

Deno.test("names are those of hosts, and not numbers, addresses or paths", () => {
  const names = ["a", "web", "db-1", "db-1.example", "Alice", "1a", "a".repeat(63)];
  assertEquals(names.filter((name) => !isName(name)), []);
  const others = [
    "",
    "-a",
    "a-",
    ".a",
    "a.",
    "a..b",
    "a/b",
    "..",
    "a b",
    "a_b",
    "é",
    "127.0.0.1",
    "1",
    "a.1",
    "0x1f",
    "a\n",
    "a".repeat(64),
  ];
  assertEquals(others.filter(isName), []);
});
