/** Appendix A of docs/PROTOCOL.md matches the code. */
import { assert, assertEquals } from "@std/assert";
import { MESSAGE_HEAD_LENGTH, PACKET_HEAD_LENGTH, PacketKind } from "../../src/datagrams/packet.ts";
import { PACKET_HANDLE_LENGTH } from "../../src/wire/datagrams.ts";
import { read, section, tablesWith } from "./markdown.ts";

Deno.test("PROTOCOL.md lays the packets and messages of datagrams out as they are sent", () => {
  const appendix = section(read("docs/PROTOCOL.md"), "## Appendix A. Datagrams");
  const fieldsOf = (part: string): string[][] => {
    const [table] = tablesWith(appendix, `${part}: offset`, "length", "field", "value");
    return table!.rows.map(([offset = "", length = "", field = ""]) => [field, offset, length]);
  };
  const tag = MESSAGE_HEAD_LENGTH - 2,
    head = `${PACKET_HEAD_LENGTH}`,
    handle = ["handle", "0", `${PACKET_HANDLE_LENGTH}`];
  assertEquals(fieldsOf("packet"), [handle, ["sequence", "8", "6"], ["share", head, "rest"]]);
  assertEquals(fieldsOf("message"), [
    ...[["tag", "0", `${tag}`], ["flow", `${tag}`, "2"], ["payload", `${MESSAGE_HEAD_LENGTH}`, "rest"]],
  ]);
  assertEquals(fieldsOf("path packet"), [handle, ["sequence", "8", "6"], ["kind", head, "1"], ["token", "15", "8"]]);
  assert(appendix.includes(`| ${PacketKind.Challenge} is a challenge, ${PacketKind.Response} a response`));
});
