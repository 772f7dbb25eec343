/**
 * Writes docs/vectors.json, the test vectors of docs/PROTOCOL.md: `deno run --allow-write=docs scripts/vectors.ts`. All of
 * them follow from the text of that page, and from no code in src, so that they check that code independently. The same
 * script writes the same file, byte for byte.
 *
 * @module
 */

import { proofs } from "./vectors/authenticate.ts";
import { datagrams, datagramTags, invalidPackets, pathPackets } from "./vectors/datagrams.ts";
import { directions } from "./vectors/direction.ts";
import { frames } from "./vectors/frames.ts";
import { associates, greetings, refusals } from "./vectors/handshake.ts";
import { exchanges, invalidLists, unanswered } from "./vectors/identify.ts";
import { invalidInvitations, invitations } from "./vectors/invitation.ts";
import { invalid } from "./vectors/invalid.ts";
import { invalidDirections } from "./vectors/invalid_direction.ts";
import { opens } from "./vectors/open.ts";
import { hashes, products, records, tags } from "./vectors/records.ts";
import { rejoins } from "./vectors/rejoin.ts";
import { shares } from "./vectors/shares.ts";
import { shorts, shortsChanged } from "./vectors/short.ts";
import { thresholds } from "./vectors/threshold.ts";

const ABOUT = "Test vectors of MICSS/2, made by scripts/vectors.ts; docs/PROTOCOL.md describes them. Bytes are in " +
  "hexadecimal; (00*65529) stands for 65,529 bytes 00. Bytes from a CSPRNG are replaced by bytes that count up: 00, 01, " +
  "02 and so on.";

/** The text of docs/vectors.json. */
export function vectors(): string {
  const groups = {
    about: ABOUT,
    greeting: greetings(),
    associate: associates(),
    refused: refusals(),
    invalid: invalid(),
    shares: shares(),
    threshold: thresholds(),
    product: products(),
    hash: hashes(),
    tag: tags(),
    record: records(),
    short: shorts(),
    shortChanged: shortsChanged(),
    open: opens(),
    frame: frames(),
    direction: directions(),
    invalidDirection: invalidDirections(),
    identify: exchanges(),
    proof: proofs(),
    unanswered: unanswered(),
    invalidList: invalidLists(),
    rejoin: rejoins(),
    invitation: invitations(),
    invalidInvitation: invalidInvitations(),
    datagramTag: datagramTags(),
    datagram: datagrams(),
    pathPacket: pathPackets(),
    invalidPacket: invalidPackets(),
  };
  return `${JSON.stringify(groups, null, 2)}\n`;
}

if (import.meta.main) await Deno.writeTextFile(new URL("../docs/vectors.json", import.meta.url), vectors());
