/** The vectors of joining channels again in docs/vectors.json, with the code of src. */
import { assertEquals } from "@std/assert";
import { RejoinKey } from "../../src/association/rejoin_key.ts";
import { decodeFirst } from "../../src/wire/first.ts";
import { decodeRejoinReply, encodeRejoin, encodeRejoined } from "../../src/wire/rejoin.ts";
import { decode } from "../support/wire/decode.ts";

type RejoinVector =
  & Record<"name" | "handle" | "secrets" | "cookie" | "rejoin" | "rejoined", string>
  & Record<"index" | "attempt" | "received" | "answered", number>;

const { rejoin: vectors }: { rejoin: RejoinVector[] } = JSON.parse(
  await Deno.readTextFile(new URL("../../docs/vectors.json", import.meta.url)),
);

for (const { name, index, attempt, received, answered, ...hex } of vectors) {
  Deno.test(`the vector of joining a channel again is made and understood: ${name}`, () => {
    const [handle, secrets, cookie] = [hex.handle, hex.secrets, hex.cookie].map((bytes) => Uint8Array.fromHex(bytes));
    const key = new RejoinKey({ index, handle: handle!, secrets: secrets! });
    const request = { handle: handle!, attempt, received, code: key.ofClient(attempt, received, cookie!) };
    assertEquals(encodeRejoin(request).toHex(), hex.rejoin);
    assertEquals(decode(decodeFirst(), Uint8Array.fromHex(hex.rejoin)).value, { kind: "rejoin", rejoin: request });
    const code = key.ofServer(attempt, answered, received);
    assertEquals(encodeRejoined(answered, code).toHex(), hex.rejoined);
    const reply = decode(decodeRejoinReply(), Uint8Array.fromHex(hex.rejoined)).value;
    assertEquals(reply, { kind: "rejoined", received: answered, code });
  });
}
