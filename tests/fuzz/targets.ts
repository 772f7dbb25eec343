import { configTargets } from "./config_targets.ts";
import { datagramTargets } from "./datagram_targets.ts";
import { entryTargets } from "./entry_targets.ts";
import { invitationTargets } from "./invitation_targets.ts";
import { recordTargets } from "./record_targets.ts";
import { shortTargets } from "./short_targets.ts";
import type { Target } from "./target.ts";
import { wireTargets } from "./wire_targets.ts";

/** Every parser of the project. */
export const TARGETS: readonly Target[] = [
  ...datagramTargets,
  ...wireTargets,
  ...recordTargets,
  ...shortTargets,
  ...entryTargets,
  ...configTargets,
  ...invitationTargets,
];
