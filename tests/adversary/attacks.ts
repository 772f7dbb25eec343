/** All attacks. */
import type { Attack } from "./attack.ts";
import { AGAIN } from "./attacks_again.ts";
import { CONNECTING } from "./attacks_connect.ts";
import { FIELD_ATTACKS } from "./attacks_fields.ts";
import { HANDSHAKE_ATTACKS } from "./attacks_handshake.ts";
import { KNOWN } from "./attacks_known.ts";
import { REMAKES } from "./attacks_remake.ts";
import { SHORT_CONTENT, SHORT_TOO } from "./attacks_short.ts";
import { TWO } from "./attacks_two.ts";
import { UNITS } from "./attacks_units.ts";

/** All attacks, in families. */
export const ATTACKS: Readonly<Record<string, readonly Attack[]>> = {
  "units changed, lost, repeated, moved or replayed": UNITS,
  "channels swapped and associations spliced": TWO,
  "connections while they are made": CONNECTING,
  "the handshake's messages": HANDSHAKE_ATTACKS,
  "every field changed": FIELD_ATTACKS,
  "known bytes changed, and records spliced": KNOWN,
  "channels cut and joined again": AGAIN,
  "the message joined and changed": REMAKES,
  "keys and fragments of short shares changed": SHORT_CONTENT,
  "all that is done to other shares, with short ones": SHORT_TOO,
};
