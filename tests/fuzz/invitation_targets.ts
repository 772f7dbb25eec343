/** Invitations, and the files of state directories. */
import { assertEquals } from "@std/assert";
import { formatInvitation, MAX_LINE_LENGTH, parseInvitation } from "../../src/wire/invitation.ts";
import {
  formatAddresses,
  formatClient,
  formatInvitationRecord,
  formatServer,
  parseAddresses,
  parseClient,
  parseInvitationRecord,
  parseServer,
} from "../../src/state/records.ts";
import vectors from "../../docs/vectors.json" with { type: "json" };
import { taken, type Target, textTarget } from "./target.ts";

const PUBLIC = "micss-ed25519-public-v1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const SECRET = "micss-ed25519-v1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= laptop";
const ID = "0123456789abcdef", TIME = "2027-01-01T00:00:00.000Z";
const CHANNELS = ["192.0.2.10:6522", "[2001:db8::10]:7000"];
const WORDS = ['"', ",", ":", "null", "[]", "{}", "\\u0000", "1e999", '"version":1', TIME, "../", "__proto__"];

/** A file's parser, whose formatter writes what it reads. */
function fileTarget<T>(name: string, seed: object, parse: (text: string) => T, format: (value: T) => string): Target {
  return textTarget({
    name,
    seeds: [{ ...seed, version: 1 }, { ...seed, version: 1, ports: [80] }, { version: 1 }].map((one) =>
      JSON.stringify(one)
    ),
    words: WORDS,
    take(text) {
      const read = taken(() => parse(text), [SyntaxError]);
      if (read !== null) assertEquals(parse(format(read.value)), read.value);
      return read !== null;
    },
  });
}

export const invitationTargets: readonly Target[] = [
  textTarget({
    name: "invitation",
    seeds: [...vectors.invitation, ...vectors.invalidInvitation].map(({ line }) => line),
    words: ["micss-invite-v1 ", "\n", " ", "-", "_", "=", "AAAA"],
    longest: MAX_LINE_LENGTH + 100,
    take(text) {
      const invitation = taken(() => parseInvitation(text), [SyntaxError]);
      if (invitation === null) return false;
      assertEquals(parseInvitation(formatInvitation(invitation.value)), invitation.value);
      return true;
    },
  }),
  fileTarget(
    "file of a client",
    { key: PUBLIC, ports: null, enrolled: TIME, invitation: ID },
    (text) => parseClient("alice", text),
    formatClient,
  ),
  fileTarget(
    "file of an invitation",
    { name: "alice", key: "ab".repeat(32), ports: null, expires: TIME },
    (text) => parseInvitationRecord(ID, text),
    formatInvitationRecord,
  ),
  fileTarget(
    "file of a joined server",
    { name: "web", channels: CHANNELS, "server-key": PUBLIC, "client-key": SECRET, client: "alice", invitation: ID },
    parseServer,
    formatServer,
  ),
  fileTarget("file of a server's addresses", { channels: CHANNELS }, parseAddresses, formatAddresses),
];
