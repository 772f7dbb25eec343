import { assertEquals, assertThrows } from "@std/assert";
import {
  type DatabaseEntry,
  EntryError,
  entryFromJson,
  entryToJson,
  isDue,
  isValid,
} from "../../src/identify/entry.ts";
import { formatEntries, parseEntries } from "../../src/identify/entry_file.ts";

const HOUR = 3_600_000;
const NOW = Date.UTC(2030, 0, 1);
const ENTRY: DatabaseEntry = {
  address: "192.0.2.1",
  channels: [{ host: "192.0.2.1", port: 6522 }, { host: "2001:db8::1", port: 7000 }],
  source: "exchange",
  learned: NOW,
  expires: NOW + HOUR,
  key: "0123456789abcdef",
};
const JSON_ENTRY = {
  address: "192.0.2.1",
  channels: ["192.0.2.1:6522", "[2001:db8::1]:7000"],
  source: "exchange" as const,
  learned: "2030-01-01T00:00:00.000Z",
  expires: "2030-01-01T01:00:00.000Z",
  key: "0123456789abcdef",
};

Deno.test("an entry is valid from when it was learned until it expires", () => {
  const cases: [number, boolean][] = [[0, true], [HOUR - 1, true], [HOUR, false], [-60_000, true], [-60_001, false]];
  for (const [after, valid] of cases) assertEquals(isValid(ENTRY, NOW + after), valid, String(after));
  const forever = { ...ENTRY, expires: null };
  for (const after of [-HOUR, 0, 1e12]) assertEquals(isValid(forever, NOW + after), true);
});

Deno.test("an entry is due for renewal after four fifths of its lifetime", () => {
  assertEquals([0.79, 0.8, 1].map((part) => isDue(ENTRY, NOW + part * HOUR)), [false, true, true]);
  assertEquals(isDue({ ...ENTRY, expires: null }, NOW + 1e12), false);
});

Deno.test("an entry round-trips through JSON, in canonical spelling", () => {
  assertEquals(entryToJson(ENTRY), JSON_ENTRY);
  assertEquals(entryFromJson(JSON_ENTRY, 0), ENTRY);
  const short = { address: "2001:DB8:0::1", channels: ["192.0.2.1", "[2001:DB8:0::2]:7000"] };
  assertEquals(entryFromJson(short, NOW), {
    address: "2001:db8::1",
    channels: [{ host: "192.0.2.1", port: 6522 }, { host: "2001:db8::2", port: 7000 }],
    source: "import",
    learned: NOW,
    expires: null,
    key: null,
  });
});

const MISTAKES: [unknown, string][] = [
  [null, ": not an entry; write"],
  [[], ": not an entry; write"],
  ["192.0.2.1", ": not an entry; write"],
  [{ ...JSON_ENTRY, adress: "x" }, ".adress: unknown field; known: address, channels, source, learned, expires, key"],
  [{ ...JSON_ENTRY, address: undefined }, ".address: not an IP address; write one, without a port"],
  [{ ...JSON_ENTRY, address: "web.example" }, ".address: not an IP address"],
  [{ ...JSON_ENTRY, address: "192.0.2.1:80" }, ".address: not an IP address"],
  [{ ...JSON_ENTRY, channels: undefined }, ".channels: not a list of channels; write 2 to 16 addresses"],
  [{ ...JSON_ENTRY, channels: ["192.0.2.1"] }, ".channels: not a list of channels"],
  [{ ...JSON_ENTRY, channels: Array(17).fill("192.0.2.1") }, ".channels: not a list of channels"],
  [{ ...JSON_ENTRY, channels: ["192.0.2.1", "web"] }, ".channels[1]: not an address; write an IP address and port"],
  [{ ...JSON_ENTRY, channels: ["192.0.2.1", 5] }, ".channels[1]: not an address"],
  [{ ...JSON_ENTRY, channels: ["192.0.2.1:0", "192.0.2.2"] }, ".channels[0]: not an address"],
  [{ ...JSON_ENTRY, channels: ["192.0.2.1:1", "192.0.2.1:2"] }, ".channels[1]: 192.0.2.1 is already a channel"],
  [{ ...JSON_ENTRY, channels: ["192.0.2.1", "[::ffff:192.0.2.1]:2"] }, ".channels[1]: 192.0.2.1 is already a channel"],
  [{ ...JSON_ENTRY, source: "hearsay" }, '.source: unknown; write "exchange" or "import"'],
  [{ ...JSON_ENTRY, learned: "yesterday" }, '.learned: not a time; write one like "2030-01-31T12:00:00Z"'],
  [{ ...JSON_ENTRY, learned: 5 }, ".learned: not a time"],
  [{ ...JSON_ENTRY, expires: "2030-13-01T00:00:00Z" }, ".expires: not a time"],
  [{ ...JSON_ENTRY, expires: JSON_ENTRY.learned }, ".expires: not after learned"],
  [{ ...JSON_ENTRY, key: "0123" }, ".key: not a key id; write 16 hexadecimal digits or null"],
];

Deno.test("invalid entries are refused, with the field and what would be right", () => {
  for (const [value, message] of MISTAKES) assertThrows(() => entryFromJson(value, NOW), EntryError, message);
});

Deno.test("entries round-trip through a file's text, and count as imported", () => {
  assertEquals(parseEntries(formatEntries([ENTRY]), NOW), [{ ...ENTRY, source: "import" }]);
  assertEquals(parseEntries(formatEntries([]), NOW), []);
});

Deno.test("an invalid file is refused, with the line or the field", () => {
  const cases: [string, string][] = [
    ["", "1: not JSON; write what micss channels export writes"],
    ['{\n  "version": 1,\n  "entries": [}\n', "3: not JSON"],
    ['{\n  "version": 1,\n', "2: not JSON"],
    ['{\n  "version": 1,\n  "entries"\n', "3: not JSON"],
    ['{\n  "version": 1,\n  "entries": [}]\n\n\n\n\n}\n\n\n', "3: not JSON"],
    ["nothing\n\n\n", "1: not JSON"],
    ["[]", '1: not a list of entries; write {"version": 1, "entries": [...]}'],
    ['{"entries": {}}', "1: not a list of entries"],
    ['{"entries": []}', "version: unknown; write 1"],
    ['{"version": 2, "entries": []}', "version: unknown; write 1"],
    [JSON.stringify({ version: 1, entries: [JSON_ENTRY, {}] }), "entries[1].address: not an IP address"],
    [JSON.stringify({ version: 1, entries: [JSON_ENTRY, 5] }), "entries[1]: not an entry"],
    [
      JSON.stringify({ version: 1, entries: [JSON_ENTRY, JSON_ENTRY] }),
      "entries[1].address: 192.0.2.1 is already in entries[0]; give it once",
    ],
    [JSON.stringify({ version: 1, entries: Array(10_001).fill(0) }), "entries: 10001 are too many; give at most 10000"],
  ];
  for (const [text, message] of cases) assertThrows(() => parseEntries(text, NOW), EntryError, message);
});
