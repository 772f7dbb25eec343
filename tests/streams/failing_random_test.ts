/** A random source that fails when an association's keys are due ends the association, and nothing is sent. */
import { assert, assertEquals } from "@std/assert";
import { ResultCode } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { OPEN } from "../support/handlers/session_pair.ts";
import { byHand, open, quiet, send } from "./sides.ts";

for (const role of ["client", "server"] as const) {
  Deno.test(`where the ${role}'s keys fail, its streams fail with the reason, and it sends nothing`, async () => {
    const { side, peer, finish } = await byHand(role);
    const system = crypto.getRandomValues;
    if (role === "server") await peer.send(encode.open(1, OPEN));
    await quiet();
    crypto.getRandomValues = (() => {
      throw new Error("no entropy");
    }) as typeof system;
    try {
      const stream = role === "client" ? open(side) : side.receivers[0]!.stream;
      if (role === "server") stream.answer(ResultCode.Ok);
      const sent = send(stream, new Uint8Array(100)).catch((error) => error.message);
      await quiet();
      assertEquals([await sent, side.receivers[0]!.events], ["no entropy", ["no entropy"]]);
      assertEquals([side.association.ended, side.association.fault?.message], [true, "no entropy"]);
    } finally {
      crypto.getRandomValues = system;
    }
    assert(await peer.ended instanceof Error);
    assertEquals(peer.heard, []);
    await finish();
  });
}
