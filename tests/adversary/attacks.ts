/** All attacks. */
import type { Attack } from "./attack.ts";
import { CONNECTING } from "./attacks_connect.ts";
import { FLIPS } from "./attacks_flips.ts";
import { HANDSHAKE_ATTACKS } from "./attacks_handshake.ts";
import { REMAKES } from "./attacks_remake.ts";
import { TWO } from "./attacks_two.ts";
import { UNITS } from "./attacks_units.ts";

/** All attacks, in families. */
export const ATTACKS: Readonly<Record<string, readonly Attack[]>> = {
  "units changed, lost, repeated, moved or replayed": UNITS,
  "channels swapped and associations spliced": TWO,
  "connections while they are made": CONNECTING,
  "the handshake's messages": HANDSHAKE_ATTACKS,
  "known bits flipped": FLIPS,
  "the message joined and changed": REMAKES,
};
