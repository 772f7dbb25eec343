import { aesPads } from "./aes_pads.ts";
import { PadSource, systemPads } from "./system_pads.ts";

/** Sources of a handler's pads: the fastest available, or the runtime's CSPRNG alone. */
export const PAD_CHOICES = ["auto", "system"] as const;

/** One of {@linkcode PAD_CHOICES}. */
export type PadChoice = typeof PAD_CHOICES[number];

let fastest: PadSource | undefined;

/**
 * The source that a choice stands for: "auto" is {@linkcode aesPads}, keyed from {@linkcode systemPads}, where the system
 * has a suitable OpenSSL, and {@linkcode systemPads} elsewhere.
 */
export function padSource(choice: PadChoice): PadSource {
  if (choice === "system") return systemPads;
  return fastest ??= aesPads(systemPads) ?? systemPads;
}
